"""What the template makes, file by file, so that each change of it shows what it does to a service: `make manifest`."""

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from support import baking
from support.answers import ORDINARY, WITHOUT_EXAMPLE
from support.baking import ROOT, Tree, tree

MANIFEST = ROOT / "tests/bake/manifest.txt"
HEAD = "# Renewed by `make manifest`. In which shape (with the example, without it, both), mode, SHA-256, path.\n"


def lines(tree: Tree) -> set[str]:
    return {f"{mode} {sha256(content).hexdigest()} {name}" for name, (mode, content) in tree.items()}


def manifest(with_example: Tree, without: Tree) -> str:
    """Return a line for each file of either shape, in the order of their paths."""
    here, there = lines(with_example), lines(without)
    shapes = dict.fromkeys(here, "with   ") | dict.fromkeys(there, "without") | dict.fromkeys(here & there, "both   ")
    ordered = sorted(shapes, key=lambda line: (line.rpartition(" ")[2], shapes[line]))
    return HEAD + "".join(f"{shapes[line]} {line}\n" for line in ordered)


def changes(found: str, committed: str) -> list[str]:
    """Return the files whose lines differ, and how."""
    now, then = set(found.splitlines()), set(committed.splitlines())
    names = {line.split()[-1] for line in now ^ then}
    kinds = {(True, True): "changed", (True, False): "new", (False, True): "gone"}
    named = [{line.split()[-1] for line in lines} for lines in (now, then)]
    return sorted(f"{name}: {kinds[name in named[0], name in named[1]]}" for name in names)


def main() -> None:
    with TemporaryDirectory() as folder:
        with_example = tree(baking.bake(Path(folder) / "with", ORDINARY))
        without = tree(baking.bake(Path(folder) / "without", WITHOUT_EXAMPLE))
    MANIFEST.write_text(manifest(with_example, without))


if __name__ == "__main__":
    main()

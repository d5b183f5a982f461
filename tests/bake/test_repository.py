"""The rules that hold for the template's own files: what they may hold, and that its documents are true."""

import re
import subprocess
from pathlib import Path

import pytest

from support.baking import ROOT, TEMPLATE, Bake
from support.checkout import committed

# Where packages come from is the business of whoever installs them, and where this was written is nobody's. One letter
# of each is in brackets, so that the list does not find itself.
FOREIGN = re.compile(
    r"py[p]i\.org|pythonh[o]sted\.org|npmj[s]|crates\.i[o]|docker\.i[o]|quay\.i[o]|/r[o]ot/|/h[o]me/\w|file:[/]//"
)


def violations(path: Path, text: str) -> list[str]:
    found = [f"{path.name}: {match[0]}" for match in FOREIGN.finditer(text)]
    if path.is_relative_to(TEMPLATE):
        if path.suffix == ".py" and re.search(r"\{%", text):
            found.append(f"{path.name}: a Jinja statement in Python")
        if re.search(r"\{%-? *raw", text):
            found.append(f"{path.name}: raw")
        if path.is_relative_to(TEMPLATE / "src") and path.suffix == ".py" and "cookiecutter" in text:
            found.append(f"{path.name}: Jinja under src/")
    return found


def test_every_committed_file_keeps_the_rules() -> None:
    found = [violation for path in committed() for violation in violations(path, path.read_text())]
    assert found == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.lock", "--index-url https://py" + "pi.org/simple"),
        ("README.md", "see /ho" + "me/notes"),
        ("tests/test_x.py", "{% if cookiecutter.include_example %}"),
        ("README.md", "{% raw %}"),
        ("src/{{cookiecutter.__package}}/x.py", "from {{ cookiecutter.__package }} import x"),
    ],
)
def test_a_broken_rule_is_found(name: str, text: str) -> None:
    assert violations(TEMPLATE / name, text)


def targets(makefile: str) -> set[str]:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.M)
    return set(phony.split()) - {"help"}


def listed(folder: Path) -> set[str]:
    printed = subprocess.run(["make"], cwd=folder, check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^  make ([a-z-]+) +\S", printed, re.M)) - {"help"}


def test_make_alone_lists_every_target(bake: Bake) -> None:
    for folder in (ROOT, bake()):
        assert listed(folder) == targets((folder / "Makefile").read_text())


def test_a_target_without_a_line_is_found(bake: Bake) -> None:
    service = bake()
    makefile = (service / "Makefile").read_text()
    (service / "Makefile").write_text(re.sub(r"^(check:.*?) ##.*$", r"\1", makefile, flags=re.M))
    assert targets(makefile) - listed(service) == {"check"}


def dead_links(document: Path, text: str) -> list[str]:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", re.sub(r"`[^`]*`", "", text))
    return [link for link in links if not (document.parent / link).exists()]


def test_every_link_of_a_document_leads_somewhere(bake: Bake) -> None:
    own = [path for path in committed() if path.suffix == ".md" and not path.is_relative_to(TEMPLATE)]
    for document in [*own, *bake().rglob("*.md")]:
        assert dead_links(document, document.read_text()) == []


def test_a_dead_link_is_found() -> None:
    assert dead_links(ROOT / "README.md", "[x](nowhere.md) [y](LICENSE)") == ["nowhere.md"]

"""Bakes as a person does, by cookiecutter's command, with nothing on PATH and nobody's settings."""

import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"

Bake = Callable[..., Path]
Tree = dict[str, tuple[str, bytes]]


def bake(
    folder: Path,
    answers: Mapping[str, str],
    *,
    template: Path | str = ROOT,
    options: Sequence[str] = (),
    hooks: bool = True,
    cwd: Path = ROOT,
    environment: Mapping[str, str] = {},
    umask: int = 0o022,
) -> Path:
    """Bake into a new folder and return the service's.

    Raises:
        subprocess.CalledProcessError: the bake failed; its `stderr` says why.
    """
    (folder / "home").mkdir(parents=True)
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--accept-hooks", "yes" if hooks else "no"]
    command += [*options, "--output-dir", str(folder / "baked"), str(template)]
    subprocess.run(
        command + [f"{name}={answer}" for name, answer in answers.items()],
        cwd=cwd,
        env={"HOME": str(folder / "home"), "PATH": "", **environment},
        umask=umask,
        check=True,
        capture_output=True,
        text=True,
    )
    return baked(folder)


def bake_here(workshop: Path, answers: Mapping[str, str]) -> Path:
    """Bake into a new folder of the workshop, without starting a process for it, and return the service's."""
    config = workshop / "config"
    config.write_text(f"replay_dir: {workshop}/replay\ncookiecutters_dir: {workshop}/templates\n")
    output = tempfile.mkdtemp(dir=workshop)
    given = dict(answers)
    return Path(cookiecutter(str(ROOT), no_input=True, extra_context=given, output_dir=output, config_file=str(config)))


def baked(folder: Path) -> Path:
    (service,) = (folder / "baked").iterdir()
    return service


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def tree(folder: Path) -> Tree:
    """Return the mode and the content of each file, as git knows them: of the mode, whether it can be executed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("120000", str(path.readlink()).encode())
        elif path.is_file():
            found[name] = ("100755" if path.stat().st_mode & 0o100 else "100644", path.read_bytes())
    return found


def differences(found: Tree, expected: Tree) -> list[str]:
    """Return what tells two trees apart, a line for each file."""
    lines = [f"{name}: missing" for name in expected.keys() - found.keys()]
    lines += [f"{name}: not expected" for name in found.keys() - expected.keys()]
    for name in found.keys() & expected.keys():
        (mode, content), (expected_mode, expected_content) = found[name], expected[name]
        if mode != expected_mode:
            lines.append(f"{name}: mode {mode}, not {expected_mode}")
        if content != expected_content:
            lines.append(f"{name}: other content")
    return sorted(lines)


def run_file(path: str) -> SimpleNamespace:
    """Return what a Python file of the template defines. An import would leave bytecode there, which would be baked."""
    return SimpleNamespace(**runpy.run_path(str(TEMPLATE / path)))

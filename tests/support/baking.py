"""Bakes as a person does, by cookiecutter's command, with nothing on PATH and nobody's settings."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"

Bake = Callable[..., Path]


def bake(
    folder: Path,
    answers: Mapping[str, str],
    *,
    template: Path = ROOT,
    hooks: bool = True,
    environment: Mapping[str, str] = {},
    umask: int = 0o022,
) -> Path:
    """Bake into a new folder and return the service's.

    Raises:
        subprocess.CalledProcessError: the bake failed; its `stderr` says why.
    """
    (folder / "home").mkdir(parents=True)
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--accept-hooks", "yes" if hooks else "no"]
    command += ["--output-dir", str(folder / "baked"), str(template)]
    subprocess.run(
        command + [f"{name}={answer}" for name, answer in answers.items()],
        env={"HOME": str(folder / "home"), "PATH": "", **environment},
        umask=umask,
        check=True,
        capture_output=True,
        text=True,
    )
    (service,) = (folder / "baked").iterdir()
    return service


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())

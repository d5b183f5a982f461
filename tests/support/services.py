"""Baked services at work: their make targets, in an environment that holds nothing of this one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.baking import ROOT

UV = str(Path(sys.executable).parent / "uv")


def interpreter(name: str) -> str:
    """Return the path of a Python on this machine, pyenv's included; skip the test where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(name), *map(str, pyenv.glob(f"versions/*/bin/{name}"))]
    for candidate in candidates:
        if candidate and subprocess.run([candidate, "-V"], capture_output=True, check=False).returncode == 0:
            return candidate
    pytest.skip(f"there is no {name} here")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment with an empty home, and what pip needs to reach its index; downloads are shared."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    kept |= {name: os.environ[name] for name in ("PATH", "CI", "LANG") if name in os.environ}
    return kept | {"HOME": str(home), "PIP_CACHE_DIR": str(ROOT / "build/pip")} | more


def make(service: Path, target: str, python: str, env: dict[str, str]) -> str:
    """Run a make target to its end and return what it printed; fail the test with it otherwise."""
    command = ["make", target, f"PYTHON={python}"]
    result = subprocess.run(command, cwd=service, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def install_by_uv(service: Path, python: str, env: dict[str, str]) -> None:
    """Do what the service's Makefile does with pip, in a quarter of the time."""
    env = env | {"UV_CACHE_DIR": str(ROOT / "build/uv"), "VIRTUAL_ENV": str(service / ".venv")}
    install = [UV, "pip", "install", "--quiet"]
    for command in (
        [UV, "venv", "--quiet", "--python", python, ".venv"],
        [*install, "--require-hashes", "-r", "requirements-dev.lock"],
        [*install, "--no-deps", "--no-build-isolation", "-e", "."],
    ):
        result = subprocess.run(command, cwd=service, env=env, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
    (service / ".venv/installed").touch()


def lend(folder: Path, venv: Path) -> None:
    """Give the folder what is installed elsewhere, older than nothing, so that make installs nothing."""
    (folder / ".venv").symlink_to(venv)
    for name in ("pyproject.toml", "requirements-dev.lock"):
        os.utime(folder / name, (0, 0))

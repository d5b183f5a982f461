"""Every command in the README runs. `path/to/slipway` is a repository made of this checkout."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.baking import ROOT
from support.checkout import copy_checkout
from support.git import begin
from support.services import environment

# Proven elsewhere: by the test of the terminal, by the run that you see, and by the tests of upgrades.
PROVEN = {"make run", "make test", "make update"}
COMMANDS = [
    "uvx cruft create path/to/slipway",
    "uvx cookiecutter path/to/slipway",
    "cookiecutter path/to/slipway",
    'cookiecutter --no-input path/to/slipway project_name="Stock Service" owner=team-stock',
]


def commands(document: str) -> list[str]:
    return [line.split("  #")[0].strip() for line in re.findall(r"^\$ (.*)$", document, re.M)]


def test_every_command_of_the_readme_is_run_by_a_test() -> None:
    assert set(commands((ROOT / "README.md").read_text())) == PROVEN | set(COMMANDS)


def test_a_new_command_is_found() -> None:
    assert commands("```console\n$ make fly   # away\n```\n") == ["make fly"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = copy_checkout(tmp_path_factory.mktemp("template") / "slipway")
    begin(copy, "The first version")
    return copy


def run(command: str, folder: Path, repository: Path) -> None:
    """Run a command as written, with the locked tools on PATH; Enter takes each default."""
    home = repository.parent / "home"
    home.mkdir(exist_ok=True)
    env = environment(home, UV_CACHE_DIR=str(ROOT / "build/uv"), UV_NO_PROGRESS="1")
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    result = subprocess.run(
        command.replace("path/to/slipway", str(repository)),
        shell=True, cwd=folder, env=env, input="\n" * 12, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_bakes_a_service(tmp_path: Path, repository: Path, command: str) -> None:
    run(command, tmp_path, repository)
    slug = "stock-service" if "Stock" in command else "orders-service"
    assert (tmp_path / slug / "pyproject.toml").exists()

"""Every command in the README runs. `path/to/slipway` is a repository made of this checkout, with a later version."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.baking import ROOT
from support.checkout import copy_checkout
from support.services import environment

# Proven elsewhere: by the test of the terminal, and by the run that you see.
PROVEN = {"make run", "make test"}
# In this order: `cruft check` and `cruft update` are run in the service that `cruft create` made.
COMMANDS = [
    "uvx cruft create path/to/slipway",
    "uvx cruft check",
    "uvx cruft update --skip-apply-ask",
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
    git(copy, "init", "--quiet", "--initial-branch=main")
    commit(copy, "The first version")
    return copy


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def run(command: str, folder: Path, repository: Path, *, code: int = 0) -> None:
    """Run a command as written, with the locked tools on PATH; Enter takes each default."""
    home = repository.parent / "home"
    home.mkdir(exist_ok=True)
    env = environment(home, UV_CACHE_DIR=str(ROOT / "build/uv"), UV_NO_PROGRESS="1")
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    result = subprocess.run(
        command.replace("path/to/slipway", str(repository)),
        shell=True, cwd=folder, env=env, input="\n" * 12, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert result.returncode == code, f"{command}: {result.stdout}{result.stderr}"


@pytest.mark.parametrize("command", [command for command in COMMANDS if "cookiecutter" in command])
def test_a_command_bakes_a_service(tmp_path: Path, repository: Path, command: str) -> None:
    run(command, tmp_path, repository)
    slug = "stock-service" if "Stock" in command else "orders-service"
    assert (tmp_path / slug / "pyproject.toml").exists()


def test_a_service_takes_a_later_version_by_cruft(tmp_path: Path, repository: Path) -> None:
    template = Path(shutil.copytree(repository, tmp_path / "slipway"))
    run("uvx cruft create path/to/slipway", tmp_path, template)
    service = tmp_path / "orders-service"
    git(service, "init", "--quiet", "--initial-branch=main")
    app = service / "src/orders_service/app.py"
    app.write_text(app.read_text() + "# ours\n")
    commit(service, "Ours")
    run("uvx cruft check", service, template)

    answers = json.loads((template / "cookiecutter.json").read_text()) | {"_template_version": "9.9.9"}
    (template / "cookiecutter.json").write_text(json.dumps(answers))
    commit(template, "A later version")
    run("uvx cruft check", service, template, code=1)
    run("uvx cruft update --skip-apply-ask", service, template)
    assert (service / "src/orders_service/runtime/VERSION").read_text().strip() == "9.9.9"
    assert app.read_text().endswith("# ours\n")
    assert not list(service.rglob("*.rej"))

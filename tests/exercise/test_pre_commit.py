"""pre-commit calls what CI calls."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support.baking import ROOT, TEMPLATE, Bake
from support.charts import tool
from support.services import environment, lend
from support.workflows import commands


@pytest.fixture
def repository(installed: Path, bake: Bake) -> Path:
    service = bake()
    lend(service, installed / ".venv")
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=service, check=True, capture_output=True)
    return service


def pre_commit(repository: Path, home: Path) -> subprocess.CompletedProcess[str]:
    env = environment(home)
    env["PATH"] = f"{Path(tool('helm')).parent}:{env['PATH']}"
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose"]
    return subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, check=False)


def test_a_commit_of_a_fresh_service_passes(repository: Path, tmp_path: Path) -> None:
    result = pre_commit(repository, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("Passed") == 2


def test_a_commit_that_ci_would_refuse_is_refused(repository: Path, tmp_path: Path) -> None:
    with (repository / "tests/conftest.py").open("a") as file:
        file.write("x = ( 1 )\n")
    with (repository / "deploy/staging.yaml").open("a") as file:
        file.write("replicas: 2\n")
    result = pre_commit(repository, tmp_path)
    assert result.stdout.count("Failed") == 2, result.stdout
    assert "conftest.py" in result.stdout
    assert "replicas" in result.stdout


@pytest.mark.parametrize("layer", [ROOT, TEMPLATE], ids=["template", "service"])
def test_each_hook_calls_what_the_workflows_call(layer: Path) -> None:
    config = layer / ".pre-commit-config.yaml"
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", config], check=True, capture_output=True)
    hooks = [hook for repo in yaml.safe_load(config.read_text())["repos"] for hook in repo["hooks"]]
    assert {hook["entry"] for hook in hooks} <= commands(layer)

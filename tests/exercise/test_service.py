"""A baked service proves itself by its own commands, on each Python, against real servers."""

import subprocess
from pathlib import Path

import pytest

from support.answers import LAST, LONGEST, WITHOUT_EXAMPLE
from support.baking import Bake
from support.charts import tool
from support.services import environment, install_by_uv, interpreter, make
from support.workflows import Lines

SHAPES = {
    "longest, without example": ("python3.12", LONGEST | WITHOUT_EXAMPLE),
    "last": ("python3.13", LAST),
}


# As in its workflows.
CHECK = ("make check", "make test")
PROOF = pytest.mark.parametrize("lines", [CHECK], ids=["check and test"], indirect=True)


@PROOF
def test_its_own_check_and_tests_pass(
    installed: Path, tmp_path: Path, postgresql_url: str, redis_url: str, lines: Lines
) -> None:
    """Installed as its owner does it, by `make` and pip."""
    env = environment(tmp_path, TEST_DATABASE_URL=postgresql_url, TEST_REDIS_URL=redis_url)
    prove(installed, "python3", env, lines)


@PROOF
@pytest.mark.parametrize(("python", "answers"), SHAPES.values(), ids=SHAPES)
def test_its_own_check_and_tests_pass_in_each_shape_installed_by_uv(
    bake: Bake,
    tmp_path: Path,
    postgresql_url: str,
    redis_url: str,
    lines: Lines,
    python: str,
    answers: dict[str, str],
) -> None:
    python = interpreter(python)
    service = bake(**answers)
    env = environment(tmp_path, TEST_DATABASE_URL=postgresql_url, TEST_REDIS_URL=redis_url)
    install_by_uv(service, python, env)
    prove(service, python, env, lines)


def prove(service: Path, python: str, env: dict[str, str], lines: Lines) -> None:
    # The tests set up no logging of their own: a command does.
    make(service, "migrate", python, env)
    printed = lines.run(service, env | {"PYTHON": python})
    assert " skipped" not in printed


@pytest.mark.parametrize("lines", [("make chart",)], ids=["chart"], indirect=True)
def test_its_chart_lints_and_renders_in_each_environment(bake: Bake, tmp_path: Path, lines: Lines) -> None:
    service = bake(**LONGEST)
    env = with_helm(environment(tmp_path))
    printed = lines.run(service, env)
    assert printed.split() == sorted(f"deploy/{path.name}" for path in service.glob("deploy/*.yaml"))


def test_a_value_that_the_chart_does_not_know_is_found(bake: Bake, tmp_path: Path) -> None:
    service = bake()
    with (service / "deploy/staging.yaml").open("a") as values:
        values.write("replicas: 2\n")
    result = subprocess.run(
        ["make", "chart"],
        cwd=service,
        env=with_helm(environment(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode
    assert "replicas" in result.stdout + result.stderr


def with_helm(env: dict[str, str]) -> dict[str, str]:
    return env | {"PATH": f"{Path(tool('helm')).parent}:{env['PATH']}"}

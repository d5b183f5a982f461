"""A baked service proves itself by its own commands, on each Python, against real servers."""

import subprocess
from pathlib import Path

import pytest

from support.answers import LAST, LONGEST, WITHOUT_EXAMPLE
from support.baking import Bake
from support.services import UV, environment, install_by_uv, interpreter, make

SHAPES = {
    "longest": ("python3.12", LONGEST),
    "last": ("python3.13", LAST),
    "without example": ("python3.11", WITHOUT_EXAMPLE),
}


def test_its_own_check_and_tests_pass(installed: Path, tmp_path: Path, postgresql_url: str, redis_url: str) -> None:
    """Installed as its owner does it, by `make` and pip."""
    prove(installed, "python3", environment(tmp_path, TEST_DATABASE_URL=postgresql_url, TEST_REDIS_URL=redis_url))


@pytest.mark.parametrize(("python", "answers"), SHAPES.values(), ids=SHAPES)
def test_its_own_check_and_tests_pass_in_each_shape_installed_by_uv(
    bake: Bake, tmp_path: Path, postgresql_url: str, redis_url: str, python: str, answers: dict[str, str]
) -> None:
    python = interpreter(python)
    service = bake(**answers)
    env = environment(tmp_path, TEST_DATABASE_URL=postgresql_url, TEST_REDIS_URL=redis_url)
    install_by_uv(service, python, env)
    prove(service, python, env)


def prove(service: Path, python: str, env: dict[str, str]) -> None:
    make(service, "check", python, env)
    # The tests set up no logging of their own: a command does.
    make(service, "migrate", python, env)
    printed = make(service, "test", python, env)
    assert " skipped" not in printed
    # The locks hold what pyproject.toml asks for.
    subprocess.run(
        [UV, "pip", "check", "--python", service / ".venv/bin/python"], env=env, check=True, capture_output=True
    )

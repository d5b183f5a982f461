"""A baked service proves itself by its own commands, on each Python, against real servers."""

import subprocess
from pathlib import Path

import pytest

from support.answers import LAST, LONGEST, SHORTEST, WITHOUT_EXAMPLE
from support.baking import Bake
from support.services import environment, interpreter, make

SHAPES = {
    "shortest": ("python3.11", SHORTEST),
    "longest": ("python3.12", LONGEST),
    "last": ("python3.13", LAST),
    "without example": ("python3.11", WITHOUT_EXAMPLE),
}


@pytest.mark.parametrize(("python", "answers"), SHAPES.values(), ids=SHAPES)
def test_its_own_check_and_tests_pass(
    bake: Bake, tmp_path: Path, postgresql_url: str, redis_url: str, python: str, answers: dict[str, str]
) -> None:
    python = interpreter(python)
    service = bake(**answers)
    env = environment(tmp_path, TEST_DATABASE_URL=postgresql_url, TEST_REDIS_URL=redis_url)
    make(service, "check", python, env)
    # The tests set up no logging of their own: a command does.
    make(service, "migrate", python, env)
    printed = make(service, "test", python, env)
    assert " skipped" not in printed
    # The locks hold what pyproject.toml asks for.
    subprocess.run([service / ".venv/bin/python", "-m", "pip", "check"], check=True, capture_output=True)

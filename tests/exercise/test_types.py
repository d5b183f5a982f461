"""The types of a service hold whatever it is called."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings

from support import baking
from support.answers import LONGEST
from support.strategies import LEGAL_ANSWERS, STEADY, Answers


def complaints(service: Path, installed: Path, cache: Path) -> str:
    """Return what mypy says of a service, with what is installed for another."""
    mypy = [str(installed / ".venv/bin/mypy"), "--cache-dir", str(cache)]
    result = subprocess.run(mypy, cwd=service, capture_output=True, text=True, check=False)
    return result.stdout if result.returncode else ""


@pytest.fixture(scope="session")
def cache(workshop: Path) -> Path:
    """What mypy found out about the dependencies, which takes longest."""
    return workshop / "mypy"


@settings(STEADY, max_examples=4)
@given(answers=LEGAL_ANSWERS)
@example(answers=LONGEST)
def test_the_types_hold_for_any_legal_name(installed: Path, workshop: Path, cache: Path, answers: Answers) -> None:
    assert complaints(baking.bake_here(workshop, answers), installed, cache) == ""


def test_a_name_that_breaks_them_is_found(installed: Path, workshop: Path, cache: Path) -> None:
    service = baking.bake_here(workshop, {"project_slug": "orders"})
    (service / "src/orders").rename(service / "src/conftest")
    assert "conftest" in complaints(service, installed, cache)

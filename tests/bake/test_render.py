"""Each bake is whole: it parses, lints, holds nothing of the template, and is the same each time."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from tests_names import AWKWARD
from tests_types import Bake

LEFTOVER = re.compile(rb"cookiecutter\.|\{%|\{\{")


def files(service: Path) -> list[Path]:
    return sorted(path for path in service.rglob("*") if path.is_file())


def leftovers(service: Path) -> list[Path]:
    return [path for path in files(service) if path.suffix != ".mako" and LEFTOVER.search(path.read_bytes())]


def lint(service: Path) -> list[str]:
    """Return what the service's own linter and formatter find."""
    found = []
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        result = subprocess.run(ruff, cwd=service, capture_output=True, text=True, check=False)
        if result.returncode:
            found.append(result.stdout)
    return found


@pytest.fixture(scope="module", params=AWKWARD, ids=lambda answers: answers["project_slug"])
def service(request: pytest.FixtureRequest, bake: Bake) -> Path:
    return bake(**request.param)


def test_every_file_parses(service: Path) -> None:
    for path in files(service):
        text = path.read_text()
        match path.suffix:
            case ".py":
                ast.parse(text)
            case ".toml":
                tomllib.loads(text)
            case ".yaml" | ".yml":
                list(yaml.safe_load_all(text))
            case ".json":
                json.loads(text)


def test_nothing_of_the_template_is_left(service: Path) -> None:
    assert leftovers(service) == []


def test_a_leftover_is_found(bake: Bake) -> None:
    service = bake()
    (service / "README.md").write_text("{{ cookiecutter.project_name }}")
    assert leftovers(service) == [service / "README.md"]


def test_it_lints_and_is_formatted(service: Path) -> None:
    assert lint(service) == []


def test_an_unformatted_line_is_found(bake: Bake) -> None:
    service = bake()
    with (service / "tests/conftest.py").open("a") as file:
        file.write("x = ( 1 )\n")
    assert lint(service)


def test_the_description_arrives_as_it_was_given(bake: Bake) -> None:
    for answers in AWKWARD:
        project = tomllib.loads((bake(**answers) / "pyproject.toml").read_text())["project"]
        assert project["description"] == answers["description"]


def test_the_example_leaves_no_trace_where_it_is_refused(bake: Bake) -> None:
    service = bake(include_example="false")
    traces = [path for path in files(service) if "items" in path.name or b"items_router" in path.read_bytes()]
    assert traces == []
    assert not list(service.rglob("items"))
    assert lint(service) == []


def test_two_bakes_are_the_same(bake: Bake) -> None:
    one, other = bake(), bake()
    assert [(path.relative_to(one), path.read_bytes()) for path in files(one)] == [
        (path.relative_to(other), path.read_bytes()) for path in files(other)
    ]

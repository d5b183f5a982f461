"""Each bake is whole: it parses, lints, says what was answered, and two of the same answers are the same."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import baking
from support.answers import LAST, LONGEST, SHAPES, SHORTEST
from support.baking import Bake, files

# `${{` is GitHub's.
LEFTOVER = re.compile(rb"cookiecutter\.|\{%|(?<!\$)\{\{")
# `.items()` is Python's; a page's `items` and a list's `item` are words.
EXAMPLE = re.compile(rb"\bitems(?:_router|\.|/)|/items\b|\bimport items\b|\bitem_|\bItem\b|0002_items")
# The runtime is the same with and without the example, and its comments may point to it.
RUNTIME = re.compile(r"/src/\w+/runtime/")


# Templates of others, whose braces are their own.
FOREIGN = re.compile(r"\.mako$|/charts/[^/]+/(templates|files)/")


def leftovers(service: Path) -> list[Path]:
    return [path for path in files(service) if not FOREIGN.search(str(path)) and LEFTOVER.search(path.read_bytes())]


def example_leftovers(service: Path) -> list[Path]:
    found = [path for path in service.rglob("*") if re.search(r"\bitems\b|_items", path.name)]
    return found + [
        path
        for path in files(service)
        if not RUNTIME.search(str(path)) and EXAMPLE.search(re.sub(rb"\.items\(\)", b"", path.read_bytes()))
    ]


def parse(path: Path) -> None:
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


def lint(service: Path) -> list[str]:
    """Return what the service's own linter and formatter find."""
    found = []
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        result = subprocess.run(ruff, cwd=service, capture_output=True, text=True, check=False)
        if result.returncode:
            found.append(result.stdout)
    return found


def labels(service: Path) -> dict[str, str]:
    """Return the labels of the Dockerfile, as its rules for double quotes read them."""
    dockerfile = (service / "Dockerfile").read_text()
    quoted = re.findall(r'([\w.]+)="((?:[^"\\]|\\.)*)"', dockerfile.partition("LABEL ")[2])
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in quoted}


def content(service: Path) -> dict[str, bytes]:
    return {str(path.relative_to(service)): path.read_bytes() for path in files(service)}


@pytest.fixture(scope="module", params=list(SHAPES.values()), ids=list(SHAPES))
def answers(request: pytest.FixtureRequest) -> dict[str, str]:
    return dict(request.param)


@pytest.fixture(scope="module")
def service(answers: dict[str, str], bake: Bake) -> Path:
    return bake(**answers)


def test_every_file_parses(service: Path) -> None:
    for path in files(service):
        if not FOREIGN.search(str(path)):
            parse(path)


@pytest.mark.parametrize("name", ["pyproject.toml", "catalog-info.yaml", "migrations/env.py"])
def test_a_file_that_does_not_parse_is_found(bake: Bake, name: str) -> None:
    path = bake() / name
    path.write_text(path.read_text() + '\n"[[: {')
    with pytest.raises((SyntaxError, tomllib.TOMLDecodeError, yaml.YAMLError)):
        parse(path)


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


@pytest.mark.parametrize("answers", [SHORTEST, LONGEST, LAST], ids=["shortest", "longest", "last"], indirect=True)
def test_every_answer_arrives_as_it_was_given(service: Path, answers: dict[str, str]) -> None:
    owner = answers.get("owner", "team-platform")
    project = tomllib.loads((service / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["description"]) == (answers["project_slug"], answers["description"])
    catalog: dict[str, Any] = yaml.safe_load((service / "catalog-info.yaml").read_text())
    assert catalog["metadata"]["name"] == answers["project_slug"]
    assert catalog["metadata"]["title"] == answers["project_name"]
    assert catalog["metadata"]["description"] == answers["description"]
    assert catalog["spec"]["owner"] == owner
    image = labels(service)
    assert image["org.opencontainers.image.title"] == answers["project_name"]
    assert image["org.opencontainers.image.description"] == answers["description"]
    assert image["org.opencontainers.image.vendor"] == owner
    compose: dict[str, Any] = yaml.safe_load((service / "compose.yaml").read_text())
    assert compose["name"] == answers["project_slug"]


def test_a_dollar_that_the_image_would_expand_is_escaped(bake: Bake) -> None:
    """The twin: unescaped, Docker would put the build's HOME into the title."""
    dockerfile = (bake(**SHORTEST) / "Dockerfile").read_text()
    assert r"\$HOME" in dockerfile
    assert not re.search(r"(?<!\\)\$HOME", dockerfile)


def test_the_template_version_is_the_same_wherever_it_stands(bake: Bake) -> None:
    service = bake()
    version = json.loads((baking.ROOT / "cookiecutter.json").read_text())["_template_version"]
    assert (service / "src/orders_service/runtime/VERSION").read_text().strip() == version
    assert labels(service)["dev.slipway.template.version"] == version
    catalog: dict[str, Any] = yaml.safe_load((service / "catalog-info.yaml").read_text())
    assert catalog["metadata"]["annotations"]["slipway.dev/template-version"] == version


def test_the_example_leaves_no_trace_where_it_is_refused(bake: Bake) -> None:
    service = bake(include_example="false")
    assert example_leftovers(service) == []
    assert example_leftovers(bake()) != []


def test_without_hooks_the_service_is_whole(tmp_path: Path, bake: Bake) -> None:
    assert content(baking.bake(tmp_path / "bake", {}, hooks=False)) == content(bake())


def test_two_bakes_are_the_same(tmp_path: Path, bake: Bake) -> None:
    elsewhere = {"TZ": "Asia/Kathmandu", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "7"}
    other = baking.bake(tmp_path / "bake", {}, environment=elsewhere, umask=0o077)
    assert content(bake()) == content(other)


def test_a_difference_is_found(bake: Bake) -> None:
    assert content(bake()) != content(bake(owner="team-b"))


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"])
def test_every_service_has_the_same_locks(bake: Bake, name: str) -> None:
    lock = (baking.TEMPLATE / name).read_bytes()
    for answers in (SHORTEST, LONGEST):
        assert (bake(**answers) / name).read_bytes() == lock


def unlocked(lock: str) -> list[str]:
    """Return the lines of a lock that name a package without version and hash."""
    entries = [entry for entry in re.split(r"\n(?=\S)", lock.strip()) if entry]
    return [entry for entry in entries if not re.match(r"[\w.\[\]-]+==\S+.*--hash=sha256:[0-9a-f]{64}", entry, re.S)]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"])
def test_every_locked_package_has_its_hashes(name: str) -> None:
    assert unlocked((baking.TEMPLATE / name).read_text()) == []


def test_a_package_without_hash_is_found() -> None:
    assert unlocked("alembic==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\nredis>=1\n") == ["redis>=1"]


@pytest.mark.parametrize(
    "break_it",
    [
        lambda service: (service / "src/orders_service/items").mkdir(),
        lambda service: (service / "README.md").write_text("Ask /v1/items."),
        lambda service: (service / "src/orders_service/app.py").write_text("from .items.routes import router\n"),
    ],
    ids=["folder", "address", "import"],
)
def test_what_is_left_of_the_example_is_found(bake: Bake, break_it: Callable[[Path], object]) -> None:
    service = bake(include_example="false")
    break_it(service)
    assert example_leftovers(service)

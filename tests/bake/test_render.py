"""A baked service is whole: here the defects that tests/bake/test_names.py looks for are planted, and found.

And what all services have in common: the locks.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support import baking
from support.answers import LONGEST, SHORTEST
from support.baking import Bake
from support.flaws import example_leftovers, flaws, leftovers, strangers, unlinted, unparsable


@pytest.mark.parametrize("name", ["pyproject.toml", "catalog-info.yaml", "migrations/env.py"])
def test_a_file_that_does_not_parse_is_found(bake: Bake, name: str) -> None:
    service = bake()
    with (service / name).open("a") as file:
        file.write('\n"[[: {')
    assert [line.partition(":")[0] for line in unparsable(service)] == [name]


@pytest.mark.parametrize("leftover", ["{{ x }}", "{% if x %}", "cookiecutter"])
def test_a_leftover_is_found(bake: Bake, leftover: str) -> None:
    service = bake()
    (service / "compose.yaml").write_text(leftover)
    assert leftovers(service) == ["compose.yaml: a leftover"]


def test_an_unformatted_line_is_found(bake: Bake) -> None:
    service = bake()
    with (service / "tests/conftest.py").open("a") as file:
        file.write("x = ( 1 )\n")
    assert unlinted(service)


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        ("catalog-info.yaml", 'owner: "team-platform"', "owner: null", "catalog-info.yaml, owner"),
        ("pyproject.toml", "Straße", "Strasse", "pyproject.toml, description"),
        ("Dockerfile", r"\$HOME", "$HOME", "Dockerfile, dollars"),
        ("charts/abx/values.yaml", "ghcr.io/example", "ghcr.io", "values.yaml, registry"),
        ("src/abx/app.py", None, None, "package"),
    ],
)
def test_an_answer_that_does_not_arrive_is_found(
    bake: Bake, name: str, old: str | None, new: str | None, found: str
) -> None:
    service = bake(**SHORTEST)
    if old is None or new is None:
        (service / name).unlink()
    else:
        text = (service / name).read_text()
        assert old in text
        (service / name).write_text(text.replace(old, new))
    assert [line.partition(":")[0] for line in strangers(service, SHORTEST)] == [found]


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
    assert flaws(service, {"include_example": "false"})


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

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The rules of this service's layers, each with a twin that breaks it. A feature is a package beside `runtime`."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import {{ cookiecutter.__package }}

PACKAGE = Path({{ cookiecutter.__package }}.__file__).parent
LONGEST = 220
"""Lines of a file of the runtime: one that says one thing needs about 200."""
Rule = Callable[[Path], list[str]]
RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """A rule takes the package's folder and returns what breaks it."""
    RULES[check.__name__] = check
    return check


def features(package: Path) -> set[str]:
    return {path.parent.name for path in package.glob("*/__init__.py")} - {"runtime"}


def imports(package: Path, file: Path) -> Iterator[tuple[str, ...]]:
    """Yield the path below the package of each module that a file imports from it, wherever in the file it does."""
    here = (package.name, *file.relative_to(package).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            paths = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            module = (*base, *(node.module or "").split(".")) if node.module else base
            paths = [(*module, alias.name) for alias in node.names]
        else:
            continue
        yield from (path[1:] for path in paths if path[0] == package.name)


@rule
def the_runtime_imports_nothing_but_itself(package: Path) -> list[str]:
    files = (package / "runtime").rglob("*.py")
    return [f"{file}: {path}" for file in files for path in imports(package, file) if path[:1] != ("runtime",)]


@rule
def a_feature_imports_of_another_only_its_service(package: Path) -> list[str]:
    """`from ..orders import service` is how features meet; models, schemas and routes are a feature's own."""
    return [
        f"{file}: {path}"
        for feature in features(package)
        for file in (package / feature).rglob("*.py")
        for path in imports(package, file)
        if path[0] not in ("runtime", "settings", feature) and path[1:2] != ("service",)
    ]


@rule
def routes_hold_no_sql(package: Path) -> list[str]:
    forbidden = re.compile(r"\b(sqlalchemy|sqlmodel|psycopg|sqlite3)\b|\.execute\(|\.(?:add|flush|scalars?)\(", re.I)
    files = (file for feature in features(package) for file in (package / feature).rglob("routes.py"))
    return [f"{file}: {match[0]}" for file in files for match in forbidden.finditer(file.read_text())]


@rule
def nothing_commits_but_the_session_dependency(package: Path) -> list[str]:
    allowed = {package / "runtime/database/session.py", package / "runtime/database/migrate.py"}
    files = set(package.rglob("*.py")) - allowed
    return [str(file) for file in files if re.search(r"\.(commit|begin)\(", file.read_text())]


@rule
def a_file_of_the_runtime_says_one_thing(package: Path) -> list[str]:
    lengths = {file: len(file.read_text().splitlines()) for file in (package / "runtime").rglob("*.py")}
    return [f"{file}: {length} lines" for file, length in lengths.items() if length > LONGEST]


@pytest.mark.parametrize("name", RULES)
def test_the_rule_is_kept(name: str) -> None:
    assert RULES[name](PACKAGE) == []


@pytest.mark.parametrize(
    ("name", "file", "line"),
    [
        ("the_runtime_imports_nothing_but_itself", "runtime/http/edge.py", "from ...pets import service"),
        ("the_runtime_imports_nothing_but_itself", "runtime/state.py", "from ..settings import Settings"),
        ("the_runtime_imports_nothing_but_itself", "runtime/state.py", "def late():\n    from .. import app"),
        ("the_runtime_imports_nothing_but_itself", "runtime/state.py", f"import {PACKAGE.name}.app"),
        ("a_feature_imports_of_another_only_its_service", "pets/routes.py", "from ..owners.models import Owner"),
        ("a_feature_imports_of_another_only_its_service", "pets/routes.py", "from ..owners import schemas"),
        ("a_feature_imports_of_another_only_its_service", "pets/routes.py", "from .. import app"),
        ("routes_hold_no_sql", "pets/routes.py", "from sqlmodel import select"),
        ("routes_hold_no_sql", "pets/routes.py", "session.execute(query)"),
        ("nothing_commits_but_the_session_dependency", "pets/service.py", "await session.commit()"),
        ("a_file_of_the_runtime_says_one_thing", "runtime/state.py", "pass\n" * LONGEST),
    ],
)
def test_a_broken_rule_is_found(tmp_path: Path, name: str, file: str, line: str) -> None:
    package = tmp_path / PACKAGE.name
    for module in ("runtime/state.py", "runtime/http/edge.py", "pets/models.py", "pets/routes.py", "owners/service.py"):
        (package / module).parent.mkdir(parents=True, exist_ok=True)
        (package / module).touch()
        (package / module).with_name("__init__.py").touch()
    good = ["from ..owners import service", "from ..owners.service import find", "from ..runtime.http import problems"]
    (package / "pets/service.py").write_text("\n".join([*good, "from . import models", ""]))
    assert RULES[name](package) == []
    with (package / file).open("a") as text:
        text.write(f"\n{line}\n")
    assert RULES[name](package)

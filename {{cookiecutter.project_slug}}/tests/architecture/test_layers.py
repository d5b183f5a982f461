import ast
from pathlib import Path

import {{ cookiecutter.__package }}

PACKAGE = Path({{ cookiecutter.__package }}.__file__).parent
FEATURES = [path.parent.name for path in PACKAGE.glob("*/__init__.py") if path.parent.name != "runtime"]


def imports(file: Path) -> set[str]:
    """Return the first name below the package of each relative import."""
    depth = len(file.relative_to(PACKAGE).parts)
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            found |= {node.module.partition(".")[0]} if node.module else {alias.name for alias in node.names}
    return found


def test_the_runtime_imports_no_feature() -> None:
    for file in (PACKAGE / "runtime").rglob("*.py"):
        assert not imports(file) & {*FEATURES, "app", "settings"}, file


def test_a_feature_imports_the_runtime_and_no_other_feature() -> None:
    for feature in FEATURES:
        for file in (PACKAGE / feature).rglob("*.py"):
            assert imports(file) <= {"runtime", "settings"}, file


def test_nothing_commits_but_the_session_dependency() -> None:
    allowed = {PACKAGE / "runtime/database/session.py", PACKAGE / "runtime/database/migrate.py"}
    for file in set(PACKAGE.rglob("*.py")) - allowed:
        assert ".commit(" not in file.read_text(), file


def test_routes_hold_no_sql() -> None:
    for file in PACKAGE.rglob("routes.py"):
        assert "sqlalchemy" not in file.read_text(), file

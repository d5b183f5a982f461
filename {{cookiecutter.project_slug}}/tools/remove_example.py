# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""`make remove-example`: takes the example out of the code. example.json says what it consists of.

Its table and its revision stay. A database that has the revision would be taken for a later version's without it, and
never be migrated again; and while this version is rolled out, the one before is still at work with the table.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXAMPLE = Path("tools/example.json")


def uncommitted(paths: list[Path]) -> list[str]:
    """Return what git could not bring back."""
    command = ["git", "status", "--porcelain", "--ignored", "--", *map(str, paths)]
    remedy = "commit, so that git can bring back what is taken out"
    try:
        status = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    except (OSError, subprocess.CalledProcessError):
        return [f"this is no git repository: make it one (git init), and {remedy}"]
    lines = (line for line in status.stdout.splitlines() if not line.endswith("__pycache__/"))
    return [f"{line[3:]} is not committed as it is: {remedy}" for line in lines]


def imported(path: Path, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield the full name of each thing that a statement imports."""
    base = ""
    if isinstance(node, ast.ImportFrom):
        # Of src/package/feature/module.py, level 1 is package.feature.
        above = path.parts[1 : -node.level] if node.level else ()
        base = "".join(f"{part}." for part in (*above, node.module) if part)
    yield from (f"{base}{alias.name}." for alias in node.names)


def uses(package: str, path: Path, text: str, example: dict[str, Any]) -> Iterator[str]:
    """Yield where a file needs the example: its modules, router, address, or table, as a foreign key does."""
    feature, table = example["feature"], example["table"]
    texts = (f"{table}.", f"/v1/{feature}")
    for node in ast.walk(ast.parse(text, str(path))):
        match node:
            case ast.Import() | ast.ImportFrom():
                needed = any(name.startswith(f"{package}.{feature}.") for name in imported(path, node))
            case ast.Name(id=name):
                needed = name == f"{feature}_router"
            case ast.Constant(value=str(value)):
                needed = value.startswith(texts)
            case _:
                needed = False
        if needed:
            yield f"{path}:{getattr(node, 'lineno', 1)} needs {feature}: take it out there first, then try again"


def main() -> int:
    if not EXAMPLE.exists():
        print("There is no example here.")
        return 0
    example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    (app,) = Path("src").glob("*/app.py")
    folders = [folder for pattern in example["folders"] for folder in Path().glob(pattern)]
    texts = {
        path: re.sub(lines, "", path.read_text(encoding="utf-8"), flags=re.M)
        for pattern, lines in example["texts"].items()
        for path in Path().glob(pattern)
    }
    problems = uncommitted([*folders, *texts, EXAMPLE])
    for path in sorted({*Path("src").rglob("*.py"), *Path("tests").rglob("*.py")}):
        if not any(folder in path.parents for folder in folders):
            problems += uses(app.parent.name, path, texts.get(path) or path.read_text(encoding="utf-8"), example)
    if problems:
        print("Nothing was taken out:", *problems, sep="\n  - ", file=sys.stderr)
        return 1

    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"  changed  {path}")
    for folder in folders:
        shutil.rmtree(folder)
        print(f"  removed  {folder}")
    EXAMPLE.unlink()
    print(f"  removed  {EXAMPLE}")
    print(f"""\
Next: make check, make test. The table {example["table"]} stays, and {example["revision"]}: the version that runs now
needs it. Once no running version does:
  make migration message="drop {example["feature"]}" drop=yes""")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SyntaxError as error:
        sys.exit(f"Nothing was taken out: {error.filename}:{error.lineno} is no Python: {error.msg}")

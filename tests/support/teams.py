"""What teams do with their services, before a later version of the template comes."""

import re
import shutil
from pathlib import Path

LINES = {
    "pyproject.toml": ['version = "1.4.0"', '  "humanize>=4",', '  "uvicorn>=0.54.0",', "[tool.coverage.run]"],
    "catalog-info.yaml": ["  lifecycle: production", '    backstage.io/techdocs-ref: "dir:."'],
    "charts/*/Chart.yaml": ["version: 2.0.0", 'appVersion: "1.4.0"', '  example.org/tier: "1"'],
    ".gitignore": ["/notes"],
    "docs/runbook.md": ["Call the bank."],
}
"""What a team writes into the files that are partly the template's."""


def write(path: Path, *changes: tuple[str, str]) -> None:
    """Change a file; fail the test where there is nothing to change."""
    text = path.read_text()
    for old, new in changes:
        assert old in text, f"{path} holds no {old!r}"
        text = text.replace(old, new)
    path.write_text(text)


def package(service: Path) -> Path:
    (path,) = service.glob("src/*/__main__.py")
    return path.parent


def work(service: Path) -> None:
    """Release some versions: new dependencies, settings, values, targets, documents, a feature with a migration."""
    write(
        service / "pyproject.toml",
        ('version = "0.1.0"', LINES["pyproject.toml"][0]),
        ("as they left them.\n", "as they left them.\n" + "\n".join(LINES["pyproject.toml"][1:3]) + "\n"),
    )
    with (service / "pyproject.toml").open("a") as file:
        file.write("[tool.coverage.run]\nbranch = true\n")
    for pattern in ("catalog-info.yaml", "charts/*/Chart.yaml"):
        (path,) = service.glob(pattern)
        *_, annotation = LINES[pattern]
        text = re.sub(r"(# Yours go here.*\n)", rf"\1{annotation}\n", path.read_text())
        for line in LINES[pattern][:-1]:
            text = re.sub(rf"^{line.partition(':')[0]}:.*$", line, text, flags=re.M)
        path.write_text(text)
    for name in (".gitignore", "docs/runbook.md", "README.md", "docs/decisions/README.md", "requirements.lock"):
        with (service / name).open("a") as file:
            file.write("\n".join(LINES.get(name, ["# Ours."])) + "\n")
    (service / "service.mk").write_text("greet: ## say hello\n\t@echo hello\n")
    (service / "deploy/europe.yaml").write_text("replicaCount: 5\n")
    write(service / "deploy/production.yaml", ("minReplicas: 3", "minReplicas: 7"))
    write(
        package(service) / "settings.py",
        ("from .runtime", "from pydantic import Field\n\nfrom .runtime"),
        (
            'run `make docs` after."""\n',
            'run `make docs` after."""\n\n    greeting: str = Field("hello", description="Ours.")\n',
        ),
    )
    add_feature(service)


def add_feature(service: Path) -> None:
    """Copy the example to a feature `lines`, with a migration of its own."""
    for folder in (package(service) / "items", service / "tests/unit/items"):
        copy = Path(shutil.copytree(folder, folder.with_name("lines"), ignore=shutil.ignore_patterns("__pycache__")))
        for path in copy.glob("*.py"):
            path.write_text(_of_lines(path.read_text()))
    versions = service / "migrations/versions"
    migration = _of_lines((versions / "0002_items.py").read_text())
    migration = migration.replace('down_revision = "0001"', 'down_revision = "0002"')
    (versions / "0003_lines.py").write_text(migration.replace('revision = "0002"', 'revision = "0003"', 1))
    write(
        package(service) / "app.py",
        ("items_router\n", "items_router\nfrom .lines.routes import router as lines_router\n"),
        (
            '(items_router, prefix="/v1")',
            '(items_router, prefix="/v1")\n    app.include_router(lines_router, prefix="/v1")',
        ),
    )


def _of_lines(text: str) -> str:
    for old, new in (("items", "lines"), ("item", "line"), ("Item", "Line")):
        text = text.replace(old, new)
    # What only looks like the example's name: a page's items, and a mapping's.
    return text.replace("lines=views", "items=views").replace('["lines"]', '["items"]').replace(".lines()", ".items()")


def rename_the_example(service: Path) -> None:
    work(service)
    for folder in (package(service) / "items", service / "tests/unit/items"):
        folder.rename(folder.with_name("goods"))
    write(package(service) / "app.py", (".items.", ".goods."))


def delete_the_example(service: Path) -> None:
    """And what of the template's it may do without."""
    work(service)
    (service / "compose.yaml").unlink()
    for folder in (package(service) / "items", service / "tests/unit/items"):
        shutil.rmtree(folder)
    app = package(service) / "app.py"
    app.write_text("".join(line for line in app.read_text().splitlines(keepends=True) if "items" not in line))

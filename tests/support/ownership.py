"""Who owns which file of a service: its team, the template, or both, each a part."""

import tomllib
from pathlib import Path

SHARED = ("pyproject.toml", "catalog-info.yaml", "charts/*/Chart.yaml", ".gitignore", "docs/runbook.md")
"""Files in which the team and the template have a part each."""


def owned(service: Path) -> list[str]:
    """Return the patterns of what is the team's."""
    patterns: list[str] = tomllib.loads((service / "pyproject.toml").read_text())["tool"]["cruft"]["skip"]
    return patterns


def matches(folder: Path, patterns: list[str] | tuple[str, ...]) -> set[Path]:
    """Return the files that match a pattern, or are in a folder that does, as cruft reads patterns."""
    found = [path for pattern in patterns for path in folder.glob(pattern)]
    return {file for path in found for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()}


def takes_a_comment(path: Path) -> bool:
    """Say whether the file's format has comments."""
    return path.suffix not in (".json", ".typed", ".template") and path.name != "VERSION"

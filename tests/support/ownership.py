"""Who owns which file of a service: its team, the template, or both, each a part."""

import tomllib
from pathlib import Path

SHARED = ("pyproject.toml", "catalog-info.yaml", "charts/*/Chart.yaml", ".gitignore", "docs/runbook.md")
"""Files in which the team and the template have a part each."""

TEMPLATES = "The template's: later versions change this file. Yours are listed in pyproject.toml."
BOTH = "Yours and the template's, a part each: it says so below."


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


def unsaid(service: Path) -> list[str]:
    """Return the files that do not say in their first lines whose they are, though they could."""
    teams, shared = matches(service, owned(service)), matches(service, SHARED)
    found = []
    for path in sorted(set(filter(Path.is_file, service.rglob("*"))) - teams):
        head = path.read_text().splitlines()[:3]
        if takes_a_comment(path) and not any((BOTH if path in shared else TEMPLATES) in line for line in head):
            found.append(str(path.relative_to(service)))
    return found + [str(path.relative_to(service)) for path in teams if TEMPLATES in path.read_text()]

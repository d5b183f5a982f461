"""The editor lints, formats and checks types by the tools of `make check`, in the versions of the lock."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.baking import ROOT, TEMPLATE

SECTIONS = {"ruff": "ruff", "mypy-type-checker": "mypy"}


def others(layer: Path, settings: dict[str, Any]) -> set[str]:
    """Return the tools of `make check` that the editor would take from elsewhere, and those that it alone has."""
    checked = set(re.findall(r"^\t\$\(BIN\)/(\w+) ?(?:check|$)", (layer / "Makefile").read_text(), re.M))
    locked = set(re.findall(r"^([\w-]+)==", (layer / "requirements-dev.lock").read_text(), re.M))
    given = {
        tool for section, tool in SECTIONS.items() if settings.get(f"{section}.importStrategy") == "fromEnvironment"
    }
    if settings.get("python.defaultInterpreterPath") != ".venv/bin/python":
        given.clear()
    return (checked ^ given) | (given - locked)


@pytest.mark.parametrize("layer", [ROOT, TEMPLATE], ids=["template", "service"])
def test_the_editor_takes_the_tools_of_make_check(layer: Path) -> None:
    settings: dict[str, Any] = json.loads((layer / ".vscode/settings.json").read_text())
    assert others(layer, settings) == set()
    # The twins: a tool of the extension's own, and another environment.
    assert others(layer, settings | {"ruff.importStrategy": "useBundled"}) == {"ruff"}
    assert others(layer, settings | {"python.defaultInterpreterPath": "python3"}) == {"ruff", "mypy"}

"""`make update` as CI and a person run it, with the service installed: its locks and documents are renewed as well."""

from pathlib import Path

import pytest

from support.baking import ROOT
from support.git import git
from support.history import LATER, NEW_DEPENDENCY, PRESENT
from support.services import environment, install_by_uv, interpreter
from support.workflows import Lines

from .conftest import Create


@pytest.mark.parametrize("lines", [("make update",)], ids=["update"], indirect=True)
def test_make_update_takes_the_newest_release_and_renews_what_follows(
    create: Create, tmp_path: Path, lines: Lines
) -> None:
    service = create(PRESENT)
    env = environment(tmp_path, UV_CACHE_DIR=str(ROOT / "build/uv"))
    python = interpreter("python3.11")
    install_by_uv(service, python, env)
    lines.run(service, env | {"PYTHON": python})
    assert f"v{next(service.glob('src/*/runtime/VERSION')).read_text().strip()}" == LATER[-1]
    assert f'"{NEW_DEPENDENCY}"' in (service / "pyproject.toml").read_text()
    assert not [name for name in git(service, "status", "--porcelain").splitlines() if name.endswith((".rej", ".orig"))]

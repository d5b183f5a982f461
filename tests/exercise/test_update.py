"""An installed service takes a later version by its own `make update`, and proves itself. tests/upgrade is quicker."""

import re
import sys
from pathlib import Path

import pytest

from support import history, teams
from support.baking import ROOT
from support.git import ENVIRONMENT, begin, commit, git
from support.services import environment, install_by_uv, make
from support.workflows import Lines


@pytest.mark.parametrize("lines", [("make update",)], ids=["update"], indirect=True)
def test_a_service_on_which_its_team_has_worked_takes_a_later_version(tmp_path: Path, lines: Lines) -> None:
    template = history.build(tmp_path / "slipway")
    service = history.create(template, history.PRESENT, tmp_path)
    begin(service, "Made by Slipway")
    teams.work(service)
    commit(service, "What the team did")
    env = environment(tmp_path, UV_CACHE_DIR=str(ROOT / "build/uv"), UV_NO_PROGRESS="1", **ENVIRONMENT)
    install_by_uv(service, sys.executable, env)

    assert "Took version 91.0.0 of the template." in lines.run(service, env | {"PYTHON": sys.executable})
    assert {"humanize", "typing-extensions"} <= set(re.findall(r"^([\w-]+)==", lock(service), re.M))
    assert "APP_GREETING" in (service / "docs/configuration.md").read_text()
    make(service, "check", sys.executable, env)
    assert make(service, "greet", sys.executable, env) == "hello\n"

    # The later version has one column more in a table of the runtime's: the service's own next revision brings it.
    make(service, "migrate", sys.executable, env)
    make(service, "migration", sys.executable, env | {"message": "keep the tier"})
    (revision,) = git(service, "ls-files", "--others", "--exclude-standard", "migrations").split()
    assert "add_column" in (service / revision).read_text()
    make(service, "test", sys.executable, env)
    commit(service, "Updated")

    assert make(service, "update", sys.executable, env) == "91.0.0 is the newest version there is.\n"
    assert git(service, "status", "--porcelain") == ""


def lock(service: Path) -> str:
    return (service / "requirements.lock").read_text()

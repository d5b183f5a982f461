"""`make update` by its script: which version it takes, what it refuses, and with which remedy."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import baking
from support.checkout import committed
from support.git import begin, commit, git
from support.history import CRUFT, LATER, PRESENT, environment

from .conftest import Create
from .test_upgrade import update


def version(service: Path) -> str:
    (path,) = service.glob("src/*/runtime/VERSION")
    return path.read_text().strip()


def conflicts(service: Path) -> list[Path]:
    return list(service.rglob("*.rej"))


def test_a_service_that_is_newer_than_the_newest_release_stays_where_it_is(template: Path, tmp_path: Path) -> None:
    clone = tmp_path / "slipway"
    git(tmp_path, "clone", "--quiet", str(template), str(clone))
    git(clone, "tag", "--delete", LATER[1])
    service = made(clone, tmp_path)
    assert version(service) == "91.0.0"
    assert update(service).stdout == "91.0.0 is the newest version there is.\n"
    assert git(service, "status", "--porcelain") == ""
    assert update(service, "--to", LATER[0]).stdout == "Took version 90.0.0 of the template.\n"


@pytest.mark.parametrize(
    ("names", "newest"),
    [(["main", "v9.0.0", "v10.0.0", "v10.1.0-rc.1", "v11", "later/v12.0.0"], "v10.0.0"), (["main", "nightly"], None)],
    ids=["releases", "none"],
)
def test_the_newest_release_is_so_by_its_numbers(names: list[str], newest: str | None) -> None:
    assert baking.run_file("tools/update.py").newest_release(names) == newest


def test_what_is_not_committed_is_never_mixed_with_an_update(create: Create) -> None:
    service = create(PRESENT)
    (service / "notes.md").write_text("Not committed.\n")
    result = update(service)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "Commit or stash these first, so that the update stands alone, to be reviewed or undone:\n?? notes.md\n\n"
    )


def test_a_folder_without_git_is_refused(pristine: Create, tmp_path: Path) -> None:
    service = Path(shutil.copytree(pristine(PRESENT), tmp_path / "service"))
    result = update(service)
    assert result.returncode == 1
    assert result.stderr.endswith("Try: git init\n")


def test_a_service_that_cookiecutter_made_is_linked_by_the_command_that_it_is_told(
    template: Path, tmp_path: Path
) -> None:
    at_first = tmp_path / "slipway"
    git(tmp_path, "clone", "--quiet", "--branch", LATER[0], str(template), str(at_first))
    service = baking.bake(tmp_path / "bake", {}, template=at_first)
    begin(service, "Made by cookiecutter")
    result = update(service)
    assert result.returncode == 1
    (command,) = re.findall(r"^  \.venv/bin/uvx cruft@[\d.]+ (.*)$", result.stderr, re.M)
    linked = subprocess.run(
        [CRUFT, *command.replace("<address>", str(template)).split()],
        cwd=service, env=environment(tmp_path), input="\n" * 20, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert linked.returncode == 0, linked.stdout + linked.stderr
    commit(service, "Linked")
    assert update(service).stdout == "Took version 91.0.0 of the template.\n"
    assert conflicts(service) == []


def test_a_version_that_is_not_there_is_told_with_those_that_are(create: Create) -> None:
    result = update(create(PRESENT), "--to", "v77.0.0")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("v77.0.0 is no tag, branch or commit of the template. There are: main, ")
    assert result.stderr.endswith("v90.0.0, v91.0.0\n")


def test_a_template_that_is_not_there_is_told_with_its_address(create: Create) -> None:
    service = create(PRESENT)
    state = json.loads((service / ".cruft.json").read_text()) | {"template": "/nowhere"}
    (service / ".cruft.json").write_text(json.dumps(state))
    commit(service, "Moved")
    result = update(service)
    assert result.returncode == 1
    assert result.stderr.startswith(
        "There is no template to be reached at /nowhere, its address in .cruft.json:\nfatal: "
    )


def test_where_cruft_fails_nothing_is_changed_and_it_is_heard(create: Create) -> None:
    service = create(PRESENT)
    state = json.loads((service / ".cruft.json").read_text()) | {"commit": "0" * 40}
    (service / ".cruft.json").write_text(json.dumps(state))
    commit(service, "Lost")
    result = update(service)
    assert result.returncode == 1
    assert "0" * 40 in result.stderr
    assert result.stderr.endswith("This is what cruft said; nothing was changed.\n")
    assert git(service, "status", "--porcelain") == ""


def test_each_place_that_names_a_version_of_cruft_names_the_tested_one() -> None:
    named = {version for path in committed() for version in re.findall(r"cruft[@=]=?(\d[\d.]*)", path.read_text())}
    assert len(named) == 1


def commands(section: str) -> list[str]:
    """Return the commands of a section of docs/upgrading.md, for the versions and the place that are here."""
    document = (baking.ROOT / "docs/upgrading.md").read_text()
    (text,) = re.findall(rf"^## {section}$(.*?)(?=^## |\Z)", document, re.M | re.S)
    found = re.findall(r"^\$ (.*)$", text, re.M)
    return [command.replace("v1.0.0", LATER[0]).replace("v1.1.0", LATER[1]) for command in found]


def run(command: str, folder: Path) -> None:
    env = environment(folder)
    env["PATH"] = f"{Path(CRUFT).parent}:{env['PATH']}"
    result = subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False)
    # git diff says by 1 that there are differences.
    assert result.returncode == ("git diff" in command), result.stdout + result.stderr


def test_an_answer_is_changed_as_the_document_says(create: Create) -> None:
    service = create(LATER[0])
    (command,) = commands("Change an answer")
    run(re.sub(r"^\.venv/bin/uvx cruft@[\d.]+", "cruft", command), service)
    assert version(service) == "90.0.0"
    assert 'owner: "team-stock"' in (service / "catalog-info.yaml").read_text()
    assert conflicts(service) == []


def test_a_later_version_is_taken_by_hand_as_the_document_says(template: Path, tmp_path: Path) -> None:
    address = f"git+{template.as_uri()}"
    first, second, *differ = [command.replace("<address>", address) for command in commands("Without cruft")]
    run(first, tmp_path)
    service = Path(shutil.copytree(tmp_path / "old/stock-service", tmp_path / "stock-service"))
    begin(service, "Made by cookiecutter")
    readme = (service / "README.md").read_text()
    for command in (second, *differ):
        run(command, tmp_path)
    assert version(service) == "91.0.0"
    assert (service / "README.md").read_text() == readme
    assert conflicts(service) == []


def made(template: Path, folder: Path) -> Path:
    """Return a service of the template's newest commit."""
    command = [CRUFT, "create", str(template), "--no-input", "--output-dir", str(folder)]
    subprocess.run(command, env=environment(folder), check=True, capture_output=True)
    begin(folder / "orders-service", "Made by Slipway")
    return folder / "orders-service"

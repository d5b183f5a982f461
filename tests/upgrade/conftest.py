"""What the tests of upgrades share: the template's history, and services made of its versions."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import git, history

CRUFT = str(Path(sys.executable).parent / "cruft")
ANSWERS = {"project_name": 'Ünïted "Orders"', "project_slug": "orders-api", "owner": "team-b"}

Create = Callable[[str], Path]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with all versions of the template, each with its tag."""
    return history.build(tmp_path_factory.mktemp("history") / "slipway")


@pytest.fixture(scope="session")
def pristine(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Create:
    """Create a service of a version by cruft, once; it is not to be changed."""
    made: dict[str, Path] = {}

    def create(version: str) -> Path:
        if version not in made:
            made[version] = cruft_create(template, version, tmp_path_factory.mktemp("pristine"))
        return made[version]

    return create


@pytest.fixture
def create(pristine: Create, tmp_path: Path) -> Create:
    """Create a service of a version, committed, which is the caller's own."""

    def create(version: str) -> Path:
        service = Path(shutil.copytree(pristine(version), tmp_path / "service"))
        git.begin(service, "Made by Slipway")
        return service

    return create


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), **git.ENVIRONMENT}


def cruft_create(template: Path, version: str, folder: Path) -> Path:
    command = [
        CRUFT,
        "create",
        str(template),
        "--checkout",
        version,
        "--no-input",
        "--output-dir",
        str(folder / "made"),
    ]
    command += ["--extra-context", json.dumps(ANSWERS)]
    subprocess.run(command, env=environment(folder), check=True, capture_output=True)
    (service,) = (folder / "made").iterdir()
    return service

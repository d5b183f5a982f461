"""What the tests of upgrades share: the template's history, and services made of its versions."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support import git, history

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
            made[version] = history.create(template, version, tmp_path_factory.mktemp("pristine"))
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

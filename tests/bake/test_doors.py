"""By whatever door somebody comes in, the same answers give the same tree: each file, its content, its mode.

Two differ by their nature. `cruft create` adds `.cruft.json`. Where hooks don't run, `include_example=false` leaves
the example in: the service is whole then, and more than was asked for.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import backstage, baking
from support.answers import SHORTEST, WITHOUT_EXAMPLE
from support.baking import ROOT, Bake, Tree, differences, tree
from support.flaws import DEFAULTS
from support.git import ENVIRONMENT

TAG = "v1"
GIT = {"PATH": os.environ["PATH"], **ENVIRONMENT}
# What a portal asks for beside the answers that are given here.
PARAMETERS = {"owner": "group:default/team-platform", "image_registry": "ghcr.io/example", **SHORTEST}


@dataclass
class Sources:
    """Where the template is: a git repository, tagged at what is in this checkout and one commit further on."""

    repository: Path

    @property
    def url(self) -> str:
        return self.repository.as_uri()

    def git(self, *arguments: str | Path) -> None:
        subprocess.run(["git", *arguments], cwd=self.repository.parent, env=GIT, check=True, capture_output=True)

    def clone(self, folder: Path, *settings: str) -> Path:
        options = [option for setting in settings for option in ("-c", setting)]
        self.git("clone", "--quiet", "--branch", TAG, *options, self.url, folder)
        return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    sources = Sources(tmp_path_factory.mktemp("sources") / "slipway.git")
    sources.git("init", "--quiet", "--bare", "--initial-branch=main", sources.repository)
    # What is in the checkout, committed or not, with its links and modes.
    here = (f"--git-dir={sources.repository}", f"--work-tree={ROOT}")
    sources.git(*here, "add", "--all", ROOT)
    sources.git(*here, "commit", "--quiet", "--message", "now")
    sources.git(*here, "tag", TAG)
    later = sources.clone(sources.repository.parent / "later")
    with (later / baking.TEMPLATE.name / "README.md").open("a") as readme:
        readme.write("Later.\n")
    sources.git("-C", later, "commit", "--quiet", "--all", "--message", "later")
    sources.git("-C", later, "push", "--quiet", "origin", "HEAD:main")
    return sources


@pytest.fixture(scope="module")
def expected(bake: Bake) -> Tree:
    """What the absolute path of this checkout gives."""
    return tree(bake(**SHORTEST))


def relative_path(sources: Sources, folder: Path) -> Path:
    return baking.bake(folder, SHORTEST, template=os.path.relpath(ROOT, ROOT / "tests"), cwd=ROOT / "tests")


def git_address_with_a_tag(sources: Sources, folder: Path) -> Path:
    return baking.bake(folder, SHORTEST, template=sources.url, options=["--checkout", TAG], environment=GIT)


def zip_archive(sources: Sources, folder: Path) -> Path:
    archive = folder.with_suffix(".zip")
    sources.git(f"--git-dir={sources.repository}", "archive", "--prefix=slipway-1/", f"--output={archive}", TAG)
    return baking.bake(folder, SHORTEST, template=archive, environment={"TMPDIR": str(folder.parent)})


def without_hooks(sources: Sources, folder: Path) -> Path:
    return baking.bake(folder, SHORTEST, hooks=False)


def clone_as_on_windows(sources: Sources, folder: Path) -> Path:
    clone = sources.clone(folder.with_name("clone"), "core.symlinks=false", "core.autocrlf=true", "core.fileMode=false")
    assert not any(path.is_symlink() for path in clone.rglob("*"))
    return baking.bake(folder, SHORTEST, template=clone)


def backstage_portal(sources: Sources, folder: Path) -> Path:
    return backstage.fetch_cookiecutter(folder, PARAMETERS)


def cruft_create(sources: Sources, folder: Path) -> Path:
    """Its own addition aside."""
    folder.mkdir()
    command = [sys.executable, "-m", "cruft", "create", sources.url, "--checkout", TAG, "--no-input"]
    command += ["--output-dir", str(folder / "baked"), "--extra-context", json.dumps(SHORTEST)]
    subprocess.run(command, cwd=folder, env=GIT | {"HOME": str(folder)}, check=True, capture_output=True)
    (baking.baked(folder) / ".cruft.json").unlink()
    return baking.baked(folder)


def the_prompt(sources: Sources, folder: Path) -> Path:
    """Cookiecutter renders no answer that is typed; Enter takes the default."""
    (folder / "home").mkdir(parents=True)
    typed = [SHORTEST.get(name, "") for name in DEFAULTS if not name.startswith("_")]
    command = [sys.executable, "-m", "cookiecutter", "--output-dir", str(folder / "baked"), str(ROOT)]
    environment = {"HOME": str(folder / "home"), "PATH": ""}
    keys = "".join(f"{answer}\n" for answer in typed).encode()
    subprocess.run(command, input=keys, env=environment, check=True, capture_output=True)
    return baking.baked(folder)


DOORS: list[Callable[[Sources, Path], Path]] = [
    the_prompt,
    relative_path,
    git_address_with_a_tag,
    zip_archive,
    without_hooks,
    clone_as_on_windows,
    backstage_portal,
    cruft_create,
]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_each_door_gives_the_same_tree(
    sources: Sources, expected: Tree, tmp_path: Path, door: Callable[[Sources, Path], Path]
) -> None:
    assert differences(tree(door(sources, tmp_path / "bake")), expected) == []


def test_a_door_that_gives_something_else_is_found(sources: Sources, expected: Tree, tmp_path: Path) -> None:
    """Without the tag it is the repository's newest commit."""
    service = baking.bake(tmp_path / "bake", SHORTEST, template=sources.url, environment=GIT)
    assert differences(tree(service), expected) == ["README.md: other content"]


def test_a_file_too_few_or_too_many_or_of_another_mode_is_found(bake: Bake, expected: Tree) -> None:
    service = bake(**SHORTEST)
    (service / "Makefile").unlink()
    (service / "Dockerfile").chmod(0o755)
    (service / "stray").symlink_to("README.md")
    assert differences(tree(service), expected) == [
        "Dockerfile: mode 100755, not 100644",
        "Makefile: missing",
        "stray: not expected",
    ]


def test_without_hooks_the_example_stays(bake: Bake, tmp_path: Path) -> None:
    """And nothing else: each file that was asked for is there, as without the example but for what names it."""
    service = baking.bake(tmp_path / "bake", WITHOUT_EXAMPLE, hooks=False)
    found = differences(tree(service), tree(bake(**WITHOUT_EXAMPLE)))
    example = [line for line in found if re.fullmatch(r"(src|tests|migrations)/.*items.*: not expected", line)]
    assert example
    assert set(found) - set(example) == {
        "README.md: other content",
        "pyproject.toml: other content",
        "src/orders_service/app.py: other content",
        "tools/example.json: not expected",
    }

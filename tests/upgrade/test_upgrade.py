"""Later versions of the template arrive in a service whose team has worked on: nothing of the team's is touched."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import teams
from support.baking import files
from support.git import commit, git
from support.history import CRUFT, LATER, NEW_DEPENDENCY, PRESENT, environment, releases
from support.ownership import SHARED, matches, owned

from .conftest import Create

SHARED_LINES = {
    "pyproject.toml": ['requires-python = ">=3.11" # v{0}', f'  "{NEW_DEPENDENCY}",', '  "later-v{0}",'],
    "catalog-info.yaml": ['    slipway.dev/template-version: "{0}"'],
    "charts/*/Chart.yaml": ['  slipway.dev/template-version: "{0}"'],
    ".gitignore": ["dist-v{0}/"],
    "docs/runbook.md": [" in a pod. Since v{0}."],
}
"""What a later version writes into the files that are partly the team's."""


def update(service: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Do what `make update` does but for the locks and documents, which need the service installed."""
    command = [sys.executable, "tools/update.py", *arguments, "--", CRUFT]
    env = environment(service.parent)
    return subprocess.run(command, cwd=service, env=env, capture_output=True, text=True, check=False)


def fresh_clone(service: Path) -> Path:
    """Return the service as another person or CI has it: without what git still had from earlier updates."""
    clone = service.with_name(service.name + "-clone")
    git(service.parent, "clone", "--quiet", "--no-local", str(service), str(clone))
    return clone


def content(service: Path) -> dict[str, bytes]:
    return {str(path.relative_to(service)): path.read_bytes() for path in files(service) if ".git" not in path.parts}


def trouble(service: Path, before: dict[str, bytes], old: Path, new: Path) -> list[str]:
    """Return what an update from one version to another did wrong: conflicts, files of the team's that it touched,
    files of the template's that it did not bring, bring back, or take away.
    """
    after, was, wanted = content(service), content(old), content(new)
    shared = {str(path.relative_to(service)) for path in matches(service, SHARED)} | {".cruft.json"}
    teams_own = {str(path.relative_to(new)) for path in matches(new, owned(new))} | before.keys() - was.keys()
    deleted = was.keys() - before.keys()
    brought = wanted.keys() - teams_own - shared - deleted
    gone = was.keys() - wanted.keys() - teams_own
    found = [f"conflict: {name}" for name, text in after.items() if name.endswith(".rej") or b"\n<<<<<<< " in text]
    found += [f"conflict: {name}" for name in git(service, "diff", "--name-only", "--diff-filter=U").split()]
    found += [f"the team's: {name}" for name in teams_own if after.get(name) != before.get(name)]
    found += [f"the template's: {name}" for name in brought if after.get(name) != wanted[name]]
    found += [f"back again: {name}" for name in (deleted | gone) & after.keys()]
    return found


def missing(service: Path, lines: dict[str, list[str]], number: str = "") -> list[str]:
    """Return which of the lines are not in the files."""
    return [
        f"{path.name}: {line}"
        for pattern, expected in lines.items()
        for path in service.glob(pattern)
        for line in expected
        if line.format(number) not in path.read_text()
    ]


@pytest.mark.parametrize(
    ("journey", "versions"),
    [(teams.work, LATER), (teams.rename_the_example, LATER[:1]), (teams.delete_the_example, LATER[:1])],
    ids=["works", "renames the example", "deletes the example"],
)
@pytest.mark.parametrize("start", [*releases(), PRESENT])
def test_later_versions_arrive_and_nothing_of_the_teams_is_touched(
    create: Create, pristine: Create, start: str, journey: Callable[[Path], None], versions: tuple[str, ...]
) -> None:
    service = create(start)
    journey(service)
    commit(service, "What the team did")
    for old, new in itertools.pairwise((start, *versions)):
        before = content(service)
        result = update(service, "--to", new)
        assert result.returncode == 0, result.stdout + result.stderr
        assert trouble(service, before, pristine(old), pristine(new)) == []
        assert missing(service, SHARED_LINES, new[1:]) + missing(service, teams.LINES) == []
        assert json.loads((service / ".cruft.json").read_text())["context"]["cookiecutter"]["tier"] == "standard"
        commit(service, new)
        service = fresh_clone(service)


def test_without_the_list_of_what_is_the_teams_there_are_conflicts(create: Create, pristine: Create) -> None:
    service = create(PRESENT)
    teams.rename_the_example(service)
    teams.write(service / "pyproject.toml", ("[tool.cruft]", "[tool.nobody]"))
    commit(service, "What the team did")
    before = content(service)
    result = update(service, "--to", LATER[0])
    assert result.returncode == 1
    assert "\n  README.md\n" in result.stderr
    assert {"conflict: README.md", "the team's: README.md", "the team's: deploy/later.yaml"} <= set(
        trouble(service, before, pristine(PRESENT), pristine(LATER[0]))
    )


def test_a_line_that_both_have_changed_is_told_with_its_remedy(create: Create, pristine: Create) -> None:
    service = create(PRESENT)
    with (service / "Dockerfile").open("a") as file:
        file.write("# ours\n")
    commit(service, "What the team did")
    before = content(service)
    result = update(service, "--to", LATER[0])
    assert result.returncode == 1
    assert "have changed the same lines:\n  Dockerfile\nEdit each" in result.stderr
    assert trouble(service, before, pristine(PRESENT), pristine(LATER[0])) == [
        "conflict: Dockerfile", "conflict: Dockerfile", "the template's: Dockerfile",
    ]  # fmt: skip


def test_by_cruft_alone_a_fresh_clone_lacks_what_git_merges_with(create: Create, pristine: Create) -> None:
    """The reason why `make update` brings it, and its twin."""
    service = create(PRESENT)
    teams.work(service)
    commit(service, "What the team did")
    assert update(service, "--to", LATER[0]).returncode == 0
    commit(service, LATER[0])
    service = fresh_clone(service)
    before = content(service)
    alone = [CRUFT, "update", "--skip-apply-ask", "--checkout", LATER[1]]
    subprocess.run(alone, cwd=service, env=environment(service.parent), check=True, capture_output=True)
    assert "conflict: catalog-info.yaml.rej" in trouble(service, before, pristine(LATER[0]), pristine(LATER[1]))


def test_what_an_update_left_out_is_found(create: Create, pristine: Create) -> None:
    service = create(PRESENT)
    found = trouble(service, content(service), pristine(PRESENT), pristine(LATER[0]))
    assert "the template's: Dockerfile" in found
    assert not [problem for problem in found if not problem.startswith("the template's: ")]
    assert len(missing(service, SHARED_LINES, LATER[0][1:])) == sum(map(len, SHARED_LINES.values()))

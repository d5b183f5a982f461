# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The three locks hold what pyproject.toml asks for: all of it, nothing else, and each package in one version."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
REMEDY = "Renew the locks: make lock"

Lock = Mapping[NormalizedName, Requirement]


def read(lock: str) -> Lock:
    entries = [Requirement(line.rstrip("\\")) for line in lock.splitlines() if line[:1].isalnum()]
    return {canonicalize_name(entry.name): entry for entry in entries}


def version(entry: Requirement) -> Version:
    (pin,) = entry.specifier
    return Version(pin.version)


def unmet(requirements: Iterable[str], lock: Lock) -> list[str]:
    """Return what is asked for and not in the lock, or in a version that is not asked for."""
    found = []
    for requirement in map(Requirement, requirements):
        entry = lock.get(canonicalize_name(requirement.name))
        if entry is None or not requirement.specifier.contains(version(entry), prereleases=True):
            found.append(f"{requirement} is asked for, and {entry or 'nothing'} locked")
    return found


def differing(lock: Lock, wider: Lock) -> list[str]:
    """Return what is not locked in the same version in a lock that should hold all of this one."""
    return [f"{entry} and {wider.get(name)}" for name, entry in lock.items() if str(wider.get(name)) != str(entry)]


def applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def reachable(requirements: Iterable[str]) -> set[NormalizedName]:
    """Return the packages that these need here, themselves included, by what the installed ones say of themselves."""
    found: set[tuple[NormalizedName, str]] = set()
    wanted = list(map(Requirement, requirements))
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in found:
                found.add((name, extra))
                needs = map(Requirement, metadata.requires(name) or [])
                wanted += [need for need in needs if applies(need, extra)]
    return {name for name, _ in found}


def here(lock: Lock) -> set[NormalizedName]:
    return {name for name, entry in lock.items() if applies(entry)}


PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME: list[str] = PYPROJECT["project"]["dependencies"]
DEVELOPMENT: list[str] = [*RUNTIME, *PYPROJECT["project"]["optional-dependencies"]["dev"]]
BUILD: list[str] = PYPROJECT["build-system"]["requires"]
LOCKS = {
    "requirements.lock": RUNTIME,
    "requirements-dev.lock": DEVELOPMENT,
    "requirements-build.lock": BUILD,
}


@pytest.mark.parametrize(("name", "requirements"), LOCKS.items(), ids=LOCKS)
def test_the_lock_holds_what_is_asked_for(name: str, requirements: list[str]) -> None:
    assert unmet(requirements, read((ROOT / name).read_text())) == [], REMEDY


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_what_is_developed_with_is_what_runs(name: str) -> None:
    wider = read((ROOT / "requirements-dev.lock").read_text())
    assert differing(read((ROOT / name).read_text()), wider) == [], REMEDY


@pytest.mark.parametrize(("name", "requirements"), LOCKS.items(), ids=LOCKS)
def test_the_lock_holds_all_that_those_need_and_nothing_else(name: str, requirements: list[str]) -> None:
    assert here(read((ROOT / name).read_text())) == reachable(requirements), REMEDY


LOCK = read("a==1.5 \\\n    --hash=sha256:0\nB_c==2.0 ; python_version < '3' \\\n")


@pytest.mark.parametrize("requirement", ["d", "a>=2", "b.c<2"])
def test_what_is_not_met_is_found(requirement: str) -> None:
    assert unmet(["a", "b-c>=2", requirement], LOCK) != []
    assert unmet(["a", "b-c>=2"], LOCK) == []


def test_a_version_of_its_own_is_found() -> None:
    assert differing(LOCK, LOCK) == []
    assert differing(LOCK, {**LOCK, **read("a==1.6")}) == ["a==1.5 and a==1.6"]
    assert differing(LOCK, read("a==1.5")) != []

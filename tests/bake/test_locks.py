"""Both layers' locks hold what is asked for, which is seen without a network and without installing a service."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from support.baking import ROOT, TEMPLATE


@pytest.fixture(scope="module")
def locks() -> ModuleType:
    """The service's own test, which holds no answer, and so runs as it stands."""
    spec = importlib.util.spec_from_file_location("locks", TEMPLATE / "tests/contract/test_locks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wrong(locks: ModuleType, asked: list[str], lock: Path) -> list[str]:
    """Return what the template's lock lacks, and what nobody needs."""
    held = locks.read(lock.read_text())
    odd = locks.here(held) ^ locks.reachable(asked)
    return [*locks.unmet(asked, held), *sorted(odd)]


def test_the_templates_lock_holds_its_tools_and_what_those_need(locks: ModuleType, tmp_path: Path) -> None:
    asked, lock = (ROOT / "requirements-dev.in").read_text().split(), ROOT / "requirements-dev.lock"
    assert wrong(locks, asked, lock) == [], "Renew the locks: make lock"
    planted = tmp_path / "planted.lock"
    planted.write_text(lock.read_text() + "left-over==1.0\n")
    assert wrong(locks, [*asked, "pytest>=999"], planted)[1:] == ["left-over"]


def test_what_bakes_is_locked_as_for_the_tests(locks: ModuleType) -> None:
    """`make run` installs no more than cookiecutter."""
    held, wider = (locks.read((ROOT / f"requirements-{name}.lock").read_text()) for name in ("bake", "dev"))
    assert locks.here(held) == locks.reachable(["cookiecutter"])
    assert locks.differing(held, wider) == []
    assert locks.differing({**held, **locks.read("cookiecutter==1.0")}, wider) != []


def test_the_services_locks_hold_what_it_asks_for_and_agree(locks: ModuleType) -> None:
    held = {name: locks.read((TEMPLATE / name).read_text()) for name in locks.LOCKS}
    assert [line for name, asked in locks.LOCKS.items() for line in locks.unmet(asked, held[name])] == []
    wider = held["requirements-dev.lock"]
    assert [line for lock in held.values() for line in locks.differing(lock, wider)] == []

"""Both layers' locks hold what is asked for, which is seen without a network and without installing a service."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.baking import ROOT, TEMPLATE, run_file


@pytest.fixture(scope="module")
def locks() -> SimpleNamespace:
    """The service's own test, which holds no answer, and so runs as it stands."""
    return run_file("tests/contract/test_locks.py")


def wrong(locks: SimpleNamespace, asked: list[str], lock: Path) -> list[str]:
    """Return what the template's lock lacks, and what nobody needs."""
    held = locks.read(lock.read_text())
    odd = locks.here(held) ^ locks.reachable(asked)
    return [*locks.unmet(asked, held), *sorted(odd)]


def test_the_templates_lock_holds_its_tools_and_what_those_need(locks: SimpleNamespace, tmp_path: Path) -> None:
    asked, lock = (ROOT / "requirements-dev.in").read_text().split(), ROOT / "requirements-dev.lock"
    assert wrong(locks, asked, lock) == [], "Renew the locks: make lock"
    planted = tmp_path / "planted.lock"
    planted.write_text(lock.read_text() + "left-over==1.0\n")
    assert wrong(locks, [*asked, "pytest>=999"], planted)[1:] == ["left-over"]


def test_what_bakes_is_locked_as_for_the_tests(locks: SimpleNamespace) -> None:
    """`make run` installs no more than cookiecutter."""
    held, wider = (locks.read((ROOT / f"requirements-{name}.lock").read_text()) for name in ("bake", "dev"))
    assert locks.here(held) == locks.reachable(["cookiecutter"])
    assert locks.differing(held, wider) == []
    assert locks.differing({**held, **locks.read("cookiecutter==1.0")}, wider) != []


def test_the_services_locks_hold_what_it_asks_for_and_agree(locks: SimpleNamespace) -> None:
    held = {name: locks.read((TEMPLATE / name).read_text()) for name in locks.LOCKS}
    assert [line for name, asked in locks.LOCKS.items() for line in locks.unmet(asked, held[name])] == []
    wider = held["requirements-dev.lock"]
    assert [line for lock in held.values() for line in locks.differing(lock, wider)] == []


def test_the_look_at_a_file_of_the_template_leaves_nothing_to_be_baked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    run_file("tests/contract/test_locks.py")
    assert not (TEMPLATE / "tests/contract/__pycache__").exists()

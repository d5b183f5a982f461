# The template's: later versions change this file. Yours are listed in pyproject.toml.
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.exc import OperationalError

from {{ cookiecutter.__package }}.runtime import (
    health,
)
from {{ cookiecutter.__package }}.runtime.health import (
    FAILURES_TO_FLIP,
    Check,
    HealthMonitor,
    Unhealthy,
)
from {{ cookiecutter.__package }}.runtime.state import (
    State,
)

WITHIN = 10
"""Seconds; each of these takes some milliseconds."""


class Dependency:
    def __init__(self, *, up: bool = True, error: Exception | None = None) -> None:
        self.up = up
        self.error = error or ConnectionError("canary")
        self.samples = 0

    async def probe(self) -> None:
        self.samples += 1
        if not self.up:
            raise self.error


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PERIOD", 0.001)
    monkeypatch.setattr(health, "EAGER_PERIOD", 0.001)


@asynccontextmanager
async def monitored(*checks: Check) -> AsyncIterator[HealthMonitor]:
    monitor = HealthMonitor(State(listening=True), list(checks))
    monitor.start()
    yield monitor
    async with asyncio.timeout(WITHIN):
        await monitor.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN):
        while not condition():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)


async def test_it_starts_when_each_check_that_gates_it_has_passed_once() -> None:
    first, second, third = Dependency(), Dependency(up=False), Dependency(up=False)
    checks = [Check("first", first.probe, gates_startup=True), Check("second", second.probe, gates_startup=True)]
    async with monitored(*checks, Check("third", third.probe)) as monitor:
        await until(lambda: third.samples > 2 and second.samples > 2)
        assert monitor.startup_failures() == ["second"]
        assert monitor.readiness_failures() == ["started"]
        second.up = True
        await until(lambda: monitor.state.started)
        assert monitor.startup_failures() == []
        assert monitor.readiness_failures() == []
        assert monitor.degraded() == ["third"]


async def test_one_bad_sample_is_no_outage_and_one_good_one_ends_it() -> None:
    dependency = Dependency()
    check = Check("one", dependency.probe, hard=True)
    monitor = HealthMonitor(State(started=True, listening=True), [check])
    await check.sample()
    dependency.up = False
    for _ in range(FAILURES_TO_FLIP - 1):
        await check.sample()
    assert check.ok
    assert check.failing_since is not None
    await check.sample()
    assert not check.ok
    assert monitor.readiness_failures() == ["one"]
    assert REGISTRY.get_sample_value("dependency_up", {"name": "one"}) == 0
    dependency.up = True
    await check.sample()
    assert check.ok
    assert check.failing_since is None
    assert monitor.readiness_failures() == []
    assert REGISTRY.get_sample_value("dependency_up", {"name": "one"}) == 1


async def test_a_soft_dependency_degrades_and_stays_ready() -> None:
    dependency = Dependency()
    async with monitored(Check("soft", dependency.probe)) as monitor:
        await until(lambda: monitor.state.started and not monitor.degraded())
        dependency.up = False
        await until(lambda: monitor.degraded() == ["soft"])
        assert monitor.readiness_failures() == []
        dependency.up = True
        await until(lambda: not monitor.degraded())


async def test_a_probe_that_hangs_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TIMEOUT", 0.01)
    check = Check("hangs", asyncio.Event().wait)
    async with asyncio.timeout(WITHIN):
        await check.sample()
    assert check.failures == 1
    assert check.reason == "TimeoutError"


async def test_a_hard_check_that_is_no_longer_sampled_counts_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    check = Check("stale", Dependency().probe, hard=True)
    monitor = HealthMonitor(State(started=True, listening=True), [check])
    await check.sample()
    assert monitor.readiness_failures() == []
    monkeypatch.setattr(health, "monotonic", lambda: check.sampled_at + 3 * (health.PERIOD + health.TIMEOUT) + 1)
    assert monitor.readiness_failures() == ["stale"]


async def test_what_can_pass_only_once_is_not_asked_again() -> None:
    once, other = Dependency(), Dependency()
    async with monitored(Check("once", once.probe, once=True), Check("other", other.probe)):
        await until(lambda: other.samples > 5)
    assert once.samples == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionError("canary"), "ConnectionError"),
        (OperationalError("canary", {}, ConnectionRefusedError("canary")), "ConnectionRefusedError"),
        (Unhealthy("Run `migrate`."), "Run `migrate`."),
    ],
)
async def test_the_reason_says_what_is_wrong_and_shows_no_text_of_a_driver(error: Exception, reason: str) -> None:
    check = Check("one", Dependency(up=False, error=error).probe)
    await check.sample()
    assert check.reason == reason


async def test_it_stops_though_a_cancellation_is_swallowed() -> None:
    asked = asyncio.Event()

    async def swallow_one() -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if asyncio.current_task() not in seen:
                seen.append(asyncio.current_task())
                return
            raise

    seen: list[asyncio.Task[None] | None] = []
    async with monitored(Check("deaf", swallow_one)):
        await asked.wait()
    assert len(seen) == 1
    assert "check deaf" not in {task.get_name() for task in asyncio.all_tasks()}

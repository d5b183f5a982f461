# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What is told of an event loop that is stuck."""

import time

import pytest

from {{ cookiecutter.__package }}.runtime.observability import (
    metrics,
    watchdog,
)
from {{ cookiecutter.__package }}.runtime.state import (
    State,
)

from support.server import until


async def test_a_blocked_loop_has_its_stack_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchdog, "INTERVAL", 0.02)
    monkeypatch.setattr(watchdog, "BLOCKED_AFTER", 0.1)
    before = metrics.LOOP_BLOCKED._value.get()
    state = State()
    dog = watchdog.Watchdog(state)
    dog.start()
    time.sleep(0.4)  # noqa: ASYNC251 - what must not be done
    await until(lambda: state.lag < 0.1)
    dog.stop()
    (record,) = caplog.records
    assert "time.sleep(0.4)" in vars(record)["stacktrace"]
    assert metrics.LOOP_BLOCKED._value.get() == before + 1

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Whether the dependencies answer: sampled in the background, so that a probe only ever reads."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from .observability import metrics
from .state import State

logger = logging.getLogger(__name__)

PERIOD = 5.0
"""Seconds between two samples of a check."""
EAGER_PERIOD = 0.5
"""Seconds between two samples before the first success and after a failure: both ends of an outage are known soon."""
TIMEOUT = 2.0
"""Seconds that a sample may take."""
FAILURES_TO_FLIP = 3


class Unhealthy(Exception):
    """What a probe raises where it has more to say than an exception's type. The text is shown by `/readyz?verbose`."""


@dataclass(slots=True)
class Check:
    """A dependency and what is known of it. Three bad samples in a row fail it, the first good one recovers it."""

    name: str
    probe: Callable[[], Awaitable[object]]
    hard: bool = False
    """Readiness fails with it."""
    gates_startup: bool = False
    """Startup waits for its first success."""
    once: bool = False
    """Its first success is its last sample: it can't fail any more."""
    succeeded_once: bool = False
    failing_since: datetime | None = None
    reason: str = ""
    sampled_at: float = 0.0
    failures: int = 0

    @property
    def ok(self) -> bool:
        return self.succeeded_once and self.failures < FAILURES_TO_FLIP

    async def sample(self) -> None:
        started = monotonic()
        try:
            async with asyncio.timeout(TIMEOUT):
                await self.probe()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the dependency does not answer
            self._failed(error)
        else:
            if self.succeeded_once and not self.ok:
                logger.warning("The check of the %s passes again.", self.name)
            self.succeeded_once, self.failures, self.failing_since, self.reason = True, 0, None, ""
        self.sampled_at = monotonic()
        metrics.DEPENDENCY_CHECK_DURATION.labels(self.name).observe(self.sampled_at - started)
        metrics.DEPENDENCY_UP.labels(self.name).set(self.ok)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self.failing_since = self.failing_since or datetime.now(UTC)
        # A driver's text may hold an address or a password; its type says enough here, the log has the rest.
        self.reason = str(error) if isinstance(error, Unhealthy) else type(getattr(error, "orig", error)).__name__
        if self.failures == FAILURES_TO_FLIP:
            logger.error("The check of the %s fails.", self.name, exc_info=error)


class HealthMonitor:
    def __init__(self, state: State, checks: list[Check]) -> None:
        self.state = state
        self.checks = checks
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._watch(check), name=f"check {check.name}") for check in self.checks]

    async def stop(self) -> None:
        # Python 3.11's wait_for, which redis-py calls, may swallow a cancellation (issue 86296): repeat until heeded.
        while pending := [task for task in self._tasks if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=0.05)

    async def _watch(self, check: Check) -> None:
        while not (check.once and check.succeeded_once):
            await check.sample()
            self._note_startup()
            period = PERIOD if check.succeeded_once and not check.failures else EAGER_PERIOD
            await asyncio.sleep(period * random.uniform(0.9, 1.1))  # nosec B311 # noqa: S311 - spreads load, guards nothing

    def _note_startup(self) -> None:
        if not self.state.started and all(check.succeeded_once for check in self.checks if check.gates_startup):
            self.state.started = True
            logger.info("Started: every startup check has passed.")

    def startup_failures(self) -> list[str]:
        return [check.name for check in self.checks if check.gates_startup and not check.succeeded_once]

    def readiness_failures(self) -> list[str]:
        """Name what keeps the pod from traffic; a check that has gone stale counts as failed."""
        failures = []
        if not self.state.started:
            failures.append("started")
        if not self.state.listening:
            failures.append("listening")
        if self.state.draining:
            failures.append("draining")
        oldest = monotonic() - 3 * (PERIOD + TIMEOUT)
        failures += [check.name for check in self.checks if check.hard and (not check.ok or check.sampled_at < oldest)]
        return failures

    def degraded(self) -> list[str]:
        return [check.name for check in self.checks if not check.ok]

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since redis-py has no circuit breaker for one asyncio server: leaves what fails alone for a while."""

from time import monotonic

from prometheus_client import Gauge

FAILURES = 5
"""Failures in a row that open the circuit, unless told otherwise."""
OPEN_FOR = 5.0
"""Seconds until one call may try again."""


class CircuitBreaker:
    def __init__(self, is_open: Gauge, failures: int = FAILURES) -> None:
        self._is_open = is_open
        self._enough = failures
        self._failures = 0
        self._retry_at = 0.0

    def allows(self) -> bool:
        """Say whether to call. While open, one caller each `OPEN_FOR` seconds is let through to try."""
        if self._failures < self._enough:
            return True
        now = monotonic()
        if now < self._retry_at:
            return False
        self._retry_at = now + OPEN_FOR
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._is_open.set(0)

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._enough:
            self._retry_at = monotonic() + OPEN_FOR
            self._is_open.set(1)

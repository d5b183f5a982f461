# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since redis-py has no circuit breaker for one asyncio server: leaves what fails alone for a while."""

from time import monotonic

from ..observability import metrics

FAILURES = 5
"""Failures in a row that open the circuit."""
OPEN_FOR = 5.0
"""Seconds until one call may try again."""


class CircuitBreaker:
    def __init__(self) -> None:
        self._failures = 0
        self._retry_at = 0.0

    def allows(self) -> bool:
        """Say whether to call. While open, one caller each `OPEN_FOR` seconds is let through to try."""
        if self._failures < FAILURES:
            return True
        now = monotonic()
        if now < self._retry_at:
            return False
        self._retry_at = now + OPEN_FOR
        return True

    def succeeded(self) -> None:
        self._failures = 0
        metrics.CIRCUIT_OPEN.set(0)

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._retry_at = monotonic() + OPEN_FOR
            metrics.CIRCUIT_OPEN.set(1)

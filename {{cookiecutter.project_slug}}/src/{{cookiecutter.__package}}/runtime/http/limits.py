# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What a request may be refused for, whoever sent it. docs/limits.md is this file's table, and a test compares them."""

from collections.abc import Mapping
from enum import Enum

from ..observability import metrics
from .problems import Problem


class Limit(Enum):
    """Each has the metric's reason, which with dashes ends the problem's type, the answer's status, and its setting."""

    reason: str
    status: int
    variable: str

    IN_FLIGHT = "in_flight", 503, "APP_HTTP__MAX_IN_FLIGHT"
    RATE = "rate", 429, "APP_RATE_LIMIT__REQUESTS"
    HEADER_SIZE = "header_size", 431, "APP_HTTP__MAX_HEADER_SIZE"
    HEADER_TIME = "header_time", 408, "APP_HTTP__HEADER_TIMEOUT"
    BODY_SIZE = "body_size", 413, "APP_HTTP__MAX_BODY_SIZE"
    BODY_TIME = "body_time", 408, "APP_HTTP__BODY_TIMEOUT"
    REQUEST_TIME = "request_time", 504, "APP_HTTP__REQUEST_TIMEOUT"
    MALFORMED = "malformed", 400, ""

    def __new__(cls, reason: str, status: int, variable: str) -> "Limit":
        limit = object.__new__(cls)
        limit._value_ = limit.reason = reason
        limit.status, limit.variable = status, variable
        # So that the first refusal is a rise, which no rate() misses.
        metrics.REQUESTS_REFUSED.labels(reason)
        return limit

    @property
    def type(self) -> str:
        return "urn:problem-type:" + self.reason.replace("_", "-")

    def refusal(self, detail: str | None = None, headers: Mapping[str, str] | None = None) -> Problem:
        """Count one, and return its answer."""
        metrics.REQUESTS_REFUSED.labels(self.reason).inc()
        return Problem(self.status, type=self.type, detail=detail, headers=headers)

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What is told of each request when it is over: its duration as a metric, and its line in the log."""

import logging
from typing import NamedTuple

from opentelemetry import trace

from ..http import context
from ..sections import LogSettings
from . import metrics

logger = logging.getLogger("access")

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})


def known_method(method: str) -> str:
    """Return a method as it is told, of which there must not be as many as callers think of."""
    return method if method in _METHODS else "_OTHER"


class Served(NamedTuple):
    """A request that is over."""

    method: str
    route: str
    client_address: str | None
    status: int
    seconds: float
    request_bytes: int
    """Of the body, as `response_bytes`."""
    response_bytes: int


def record(served: Served, settings: LogSettings) -> None:
    """Count a request, and log it where the settings want that."""
    method, route, client_address, status, seconds, request_bytes, response_bytes = served
    span = trace.get_current_span().get_span_context()
    exemplar = {"trace_id": context.trace_id.get()} if span.trace_flags.sampled else None
    metrics.REQUEST_DURATION.labels(known_method(method), route, status).observe(seconds, exemplar)
    wanted = settings.access == "all" or (
        settings.access == "errors" and (status >= 400 or seconds >= settings.slow_request)
    )
    if wanted:
        logger.info(
            "%s %s %d",
            method,
            route,
            status,
            extra={
                "http_request_method": method,
                "http_route": route,
                "http_response_status_code": status,
                "duration_ms": round(seconds * 1000, 3),
                "request_bytes": request_bytes,
                "response_bytes": response_bytes,
                "client_address": client_address,
            },
        )

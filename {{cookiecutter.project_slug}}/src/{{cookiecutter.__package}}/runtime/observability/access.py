# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What is told of each request when it is over: its duration as a metric, and its line in the log."""

import logging

from opentelemetry import trace
from starlette.types import Scope

from ..http import context
from ..http.routing import route_template
from ..sections import LogSettings
from . import metrics

logger = logging.getLogger("access")

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})


def record(
    method: str, scope: Scope, settings: LogSettings, status: int, seconds: float, received: int, sent: int
) -> None:
    """Count and log a request. `received` and `sent` are bytes of the bodies."""
    route = route_template(scope)
    span = trace.get_current_span().get_span_context()
    exemplar = {"trace_id": context.trace_id.get()} if span.trace_flags.sampled else None
    metrics.REQUEST_DURATION.labels(method if method in _METHODS else "_OTHER", route, status).observe(
        seconds, exemplar
    )
    wanted = settings.access == "all" or (
        settings.access == "errors" and (status >= 400 or seconds >= settings.slow_request)
    )
    if wanted:
        client = scope.get("client")
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
                "request_bytes": received,
                "response_bytes": sent,
                "client_address": client[0] if client else None,
            },
        )

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since the contrib package instruments nothing on SQLAlchemy 2.1: a span and a duration per statement."""

from time import perf_counter
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from ..observability import metrics, tracing

_OPERATIONS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN"})


def instrument(engine: Engine) -> None:
    event.listen(engine, "before_cursor_execute", _before)
    event.listen(engine, "after_cursor_execute", _after)
    event.listen(engine, "handle_error", _failed)


def _before(connection: Any, cursor: object, statement: str, parameters: object, context: Any, many: bool) -> None:
    operation = statement.lstrip()[:6].upper().strip()
    operation = operation if operation in _OPERATIONS else "_OTHER"
    span = None
    if trace.get_current_span().is_recording():
        system = connection.dialect.name
        attributes = {"db.system.name": system, "db.operation.name": operation, "db.query.text": statement}
        span = tracing.tracer.start_span(operation, kind=SpanKind.CLIENT, attributes=attributes)
    connection.info["operation"] = (perf_counter(), operation, span)


def _after(connection: Any, *_: object) -> None:
    _finish(connection, None)


def _failed(context: ExceptionContext) -> None:
    if context.connection is not None:
        _finish(context.connection, context.original_exception)


def _finish(connection: Any, error: BaseException | None) -> None:
    began, operation, span = connection.info.pop("operation", (0.0, "", None))
    if not operation:
        return
    metrics.OPERATION_DURATION.labels(connection.dialect.name, operation).observe(perf_counter() - began)
    if span is not None:
        if error is not None:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
        span.end()

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Traces by OTLP over HTTP: off at no cost without an endpoint, and bounded at the end where the collector is dead."""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Token
from typing import TYPE_CHECKING, Self

from opentelemetry import context, propagate, trace
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.util.re import parse_env_headers
from opentelemetry.util.types import AttributeValue
from starlette.datastructures import Headers
from starlette.types import Scope

from ..config import RuntimeSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger(__name__)

EXPORT_TIMEOUT = 3
"""Seconds after which a batch that the collector has not taken is given up, where `OTEL_*` says nothing else."""
_TIMEOUT_VARIABLES = {"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"}
tracer = trace.get_tracer(__name__)
"""The global provider's, once there is one."""
_on = False


def build_tracer_provider(settings: RuntimeSettings, service: str, version: str) -> "TracerProvider | None":
    """Return a provider, made the global one too, or None where tracing is off. `OTEL_*` says the rest."""
    global _on
    endpoint = settings.otel_exporter_otlp_traces_endpoint
    if endpoint is None and settings.otel_exporter_otlp_endpoint:
        endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
    if endpoint is None or settings.otel_sdk_disabled or settings.otel_traces_exporter == "none":
        return None
    # Imported here: the SDK costs some 80 ms and 8 MiB, which a service without a collector need not pay.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    from .spans import CountedBatches

    exporter = OTLPSpanExporter(
        endpoint=endpoint,
        headers=collector_headers(settings),
        timeout=None if _TIMEOUT_VARIABLES & os.environ.keys() else EXPORT_TIMEOUT,
    )
    attributes = {"service.name": service, "service.version": version, "deployment.environment.name": settings.env}
    provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
    provider.add_span_processor(CountedBatches(exporter))
    trace.set_tracer_provider(provider)
    _on = True
    return provider


def collector_headers(settings: RuntimeSettings) -> Mapping[str, str]:
    """Return the headers for the collector, whose values are secrets."""
    headers = settings.otel_exporter_otlp_headers
    return parse_env_headers(headers.get_secret_value(), liberal=True) if headers else {}


def shutdown_tracing(provider: trace.TracerProvider, timeout: float) -> None:
    """Send the last spans for at most `timeout` seconds; the SDK's own bound does not hold (its issue 4568)."""
    shutdown = getattr(provider, "shutdown", None)
    if shutdown is None:
        return
    thread = threading.Thread(target=shutdown, name="last spans", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        logger.warning("The collector did not take the last spans within %g s.", timeout)


class _HeadersGetter(Getter[Headers]):
    def get(self, carrier: Headers, key: str) -> list[str] | None:
        return carrier.getlist(key) or None

    def keys(self, carrier: Headers) -> list[str]:
        return carrier.keys()


_HEADERS = _HeadersGetter()


class ServerSpan:
    """A request's span, in its caller's trace, unless another instrumentation, as the operator's, has one already.

    Own code, since FastAPI's costs half as much as a whole bare request also where that is not sampled, and publishes
    path and query, which are the caller's.
    """

    def __init__(self, scope: Scope, method: str) -> None:
        self._method = method
        self._span: Span = trace.INVALID_SPAN
        self._token: Token[context.Context] | None = None
        if _on and not trace.get_current_span().get_span_context().is_valid:
            caller = propagate.extract(Headers(scope=scope), getter=_HEADERS)
            attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
            self._span = tracer.start_span(method, caller, SpanKind.SERVER, attributes)
            self._token = context.attach(trace.set_span_in_context(self._span, caller))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            context.detach(self._token)

    def end(self, route: str, status: int, since: float) -> None:
        """End it as HTTP's conventions have it, as of `since` seconds ago: what follows an answer is no part of it."""
        if not self._span.is_recording():
            return
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(StatusCode.ERROR)
        self._span.end(time.time_ns() - int(since * 1e9))


@contextmanager
def client_span(name: str, attributes: Mapping[str, AttributeValue]) -> Iterator[Span | None]:
    """Trace a call to a dependency, where the request around it is traced."""
    if not trace.get_current_span().is_recording():
        yield None
        return
    with tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
            raise

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Traces by OTLP over HTTP: off at no cost without an endpoint, and bounded at the end where the collector is dead."""

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.util.re import parse_env_headers
from opentelemetry.util.types import AttributeValue

from ..config import RuntimeSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger(__name__)

EXPORT_TIMEOUT = 3
"""Seconds after which a batch that the collector has not taken is given up, where `OTEL_*` says nothing else."""
_TIMEOUT_VARIABLES = {"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"}
_tracer = trace.get_tracer(__name__)


def tracer() -> trace.Tracer:
    return _tracer


def build_tracer_provider(settings: RuntimeSettings, service: str, version: str) -> "TracerProvider | None":
    """Return a provider, made the global one too, or None where tracing is off. `OTEL_*` says the rest."""
    global _tracer
    endpoint = settings.otel_exporter_otlp_traces_endpoint
    if endpoint is None and settings.otel_exporter_otlp_endpoint:
        endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
    if endpoint is None or settings.otel_sdk_disabled or settings.otel_traces_exporter == "none":
        return None
    # Imported here: the SDK costs some 80 ms and 8 MiB, which a service without a collector need not pay.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    from .spans import CountedBatches, WithoutInput

    exporter = OTLPSpanExporter(
        endpoint=endpoint,
        headers=collector_headers(settings),
        timeout=None if _TIMEOUT_VARIABLES & os.environ.keys() else EXPORT_TIMEOUT,
    )
    attributes = {"service.name": service, "service.version": version, "deployment.environment.name": settings.env}
    provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
    provider.add_span_processor(WithoutInput())
    provider.add_span_processor(CountedBatches(exporter))
    _tracer = provider.get_tracer(__name__)
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


@contextmanager
def client_span(name: str, attributes: Mapping[str, AttributeValue]) -> Iterator[Span | None]:
    """Trace a call to a dependency, where the request around it is traced."""
    if not trace.get_current_span().is_recording():
        yield None
        return
    with _tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
            raise

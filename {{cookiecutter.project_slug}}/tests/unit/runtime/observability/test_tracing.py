# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""When there are traces, and which spans are lost."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from {{ cookiecutter.__package }}.runtime.observability import (
    metrics,
    tracing,
)
from {{ cookiecutter.__package }}.runtime.observability.spans import (
    CountedBatches,
    WithoutInput,
)

from support.server import settings_in

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


class Collector(SpanExporter):
    def __init__(self, result: SpanExportResult) -> None:
        self.result = result
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return self.result


def lost(reason: str) -> float:
    return float(metrics.SPANS_DROPPED.labels(reason)._value.get())


@pytest.mark.parametrize(
    "variables", [{}, ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}]
)
def test_without_an_endpoint_or_turned_off_there_is_no_provider(tmp_path: Path, variables: dict[str, str]) -> None:
    assert tracing.build_tracer_provider(settings_in(tmp_path, **variables), "orders", "1") is None


@pytest.mark.parametrize("result", list(SpanExportResult))
def test_a_span_that_the_collector_does_not_take_is_counted(result: SpanExportResult) -> None:
    collector, before = Collector(result), lost("export_failed")
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(CountedBatches(collector))
    for _ in range(3):
        provider.get_tracer("test").start_span("work").end()
    provider.shutdown()
    assert len(collector.spans) == 3
    assert lost("export_failed") - before == (0 if result is SpanExportResult.SUCCESS else 3)


def test_a_span_that_finds_no_room_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary for what the SDK keeps to itself: it fails when that changes."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    collector, before = Collector(SpanExportResult.SUCCESS), lost("queue_full")
    provider = TracerProvider(shutdown_on_exit=False)
    batches = CountedBatches(collector)
    provider.add_span_processor(batches)
    with batches._batch_processor._export_lock:
        for _ in range(10):
            provider.get_tracer("test").start_span("work").end()
    provider.shutdown()
    assert lost("queue_full") - before == 6
    assert len(collector.spans) == 4


def test_no_query_is_published() -> None:
    collector = Collector(SpanExportResult.SUCCESS)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(WithoutInput())
    provider.add_span_processor(CountedBatches(collector))
    provider.get_tracer("test").start_span("GET", attributes={"url.path": "/canary", "url.query": "token=canary"}).end()
    provider.shutdown()
    assert collector.spans[0].attributes == {"url.path": "REDACTED", "url.query": "REDACTED"}

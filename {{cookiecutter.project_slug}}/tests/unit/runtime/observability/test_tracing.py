# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""When there are traces, what a request's span tells, and which spans are lost."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx2
import pytest
from fastapi import BackgroundTasks
from opentelemetry import baggage
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
)
from {{ cookiecutter.__package }}.runtime.observability import (
    metrics,
    tracing,
)
from {{ cookiecutter.__package }}.runtime.observability.spans import (
    CountedBatches,
)
from {{ cookiecutter.__package }}.runtime.state import (
    State,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

from support.server import misbehaving, settings_in

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


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], tuple[ReadableSpan, ...]]]:
    """Turn tracing on, and return what gives the spans that have ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "tracer", provider.get_tracer("test"))
    monkeypatch.setattr(tracing, "_on", True)
    yield exporter.get_finished_spans
    provider.shutdown()


async def ask(tmp_path: Path, path: str, **headers: str) -> httpx2.Response:
    app = misbehaving(settings_in(tmp_path), State())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.get(path, headers=headers)


async def test_a_span_tells_of_a_request_what_the_conventions_say_and_nothing_that_was_sent(
    tmp_path: Path, finished: Callable[[], tuple[ReadableSpan, ...]]
) -> None:
    await ask(tmp_path, "/test/outer/4711/inner/4712?token=canary", cookie="canary")
    (span,) = finished()
    assert (span.name, span.kind) == ("GET /test/outer/{outer_id}/inner/{number}", SpanKind.SERVER)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/test/outer/{outer_id}/inner/{number}",
        "url.scheme": "http",
    }


async def test_a_span_is_in_its_callers_trace_and_baggage(
    tmp_path: Path, finished: Callable[[], tuple[ReadableSpan, ...]]
) -> None:
    trace_id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    app, tenants = misbehaving(settings_in(tmp_path), State()), []

    @app.get("/test/tenant")
    async def tenant() -> None:
        tenants.append(baggage.get_baggage("tenant"))

    headers = {"traceparent": f"00-{trace_id}-{parent}-01", "baggage": "tenant=orders"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        await client.get("/test/tenant", headers=headers)
    (span,) = finished()
    assert tenants == ["orders"]
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (trace_id, parent)


async def test_what_the_caller_does_not_sample_is_not_traced(
    tmp_path: Path, finished: Callable[[], tuple[ReadableSpan, ...]]
) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await ask(tmp_path, "/no/such/path", traceparent=f"00-{trace_id}-00f067aa0ba902b7-00")
    assert answer.json()["trace_id"] == trace_id
    assert not finished()


@pytest.mark.parametrize(("path", "status", "error"), [("/test/fail", 500, "500"), ("/no/such/path", 404, None)])
async def test_only_a_failure_of_the_service_is_an_error(
    tmp_path: Path, finished: Callable[[], tuple[ReadableSpan, ...]], path: str, status: int, error: str | None
) -> None:
    await ask(tmp_path, path)
    (span,) = finished()
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes.get("error.type") == error
    assert span.status.is_unset is (error is None)


async def test_where_another_instrumentation_traces_requests_there_is_no_second_span(
    tmp_path: Path, finished: Callable[[], tuple[ReadableSpan, ...]]
) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("operator")
    with tracer.start_as_current_span("GET") as span:
        answer = await ask(tmp_path, "/no/such/path")
    assert answer.json()["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert not finished()


async def test_a_span_ends_with_the_answer_though_the_work_goes_on(
    tmp_path: Path, finished: Callable[[], tuple[ReadableSpan, ...]]
) -> None:
    app = misbehaving(settings_in(tmp_path), State())
    over: list[int] = []

    def work() -> None:
        while time.time_ns() - began < 50_000_000:
            """Last longer than the clock is coarse."""
        over.append(time.time_ns())

    @app.get("/test/background")
    async def background(tasks: BackgroundTasks) -> None:
        tasks.add_task(work)

    began = time.time_ns()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        await client.get("/test/background")
    (span,) = finished()
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time < span.end_time < over[0]


def test_what_a_team_traces_itself_is_sent_too(tmp_path: Path) -> None:
    """As OpenTelemetry's own instrumentations are."""
    code = f"""
from opentelemetry import trace
from {tracing.__name__} import build_tracer_provider
from {load_settings.__module__} import load_settings
from {Settings.__module__} import Settings
build_tracer_provider(load_settings(Settings), "orders", "1")
print(trace.get_tracer("team").start_span("work").is_recording())
"""
    env = os.environ | ENDPOINT | {"DATABASE_URL": "sqlite:///orders.db"}
    assert subprocess.check_output([sys.executable, "-c", code], env=env, cwd=tmp_path, text=True) == "True\n"

"""Traces as an operator sees them, in Jaeger; and what a collector costs that is not there."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.outcomes import GIVEN_UP, at_once
from support.process import Server, Service, until
from support.resilience import Measured
from support.servers import Jaeger, free_port
from support.wire import connected

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
CANARIES = ("canary-name", "canary-query", "canary-header")


def spans(jaeger: Jaeger, trace: str, count: int) -> list[dict[str, Any]]:
    """Return a trace's spans, with their tags as a dictionary, when so many have arrived, the request's included."""

    def found() -> list[dict[str, Any]]:
        traces = httpx2.get(f"{jaeger.query_url}/api/traces/{trace}").json()["data"] or [{"spans": []}]
        arrived = [span | {"tags": {tag["key"]: tag["value"] for tag in span["tags"]}} for span in traces[0]["spans"]]
        # The request's ends last, and may come in another batch than those within it.
        whole = any(span["tags"]["span.kind"] == "server" for span in arrived)
        return arrived if whole and len(arrived) >= count else []

    return until(found, f"{count} spans of {trace}")


def test_a_trace_goes_from_the_caller_to_the_database_and_redis(
    service: Service, jaeger: Jaeger, redis_url: str, tmp_path: Path
) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with service.given(**variables, REDIS_URL=redis_url).served(tmp_path / "log") as server:
        created = httpx2.post(f"{server.url}/v1/items", json={"name": "canary-name"}).headers["location"]
        headers = CALLER | {"Authorization": "Bearer canary-header"}
        assert httpx2.get(f"{server.url}{created}?token=canary-query", headers=headers).status_code == 200
        trace = spans(jaeger, TRACE, count=4)
        (line,) = server.logged(logger="access", trace_id=TRACE)
    (request,) = [span for span in trace if span["tags"]["span.kind"] == "server"]
    assert request["references"][0] | {"spanID": ""} == {"refType": "CHILD_OF", "traceID": TRACE, "spanID": ""}
    assert request["references"][0]["spanID"] == PARENT
    assert line["span_id"] == request["spanID"]
    assert request["operationName"] == "GET /v1/items/{item_id}"
    assert request["tags"]["http.request.method"] == "GET"
    assert request["tags"]["http.route"] == "/v1/items/{item_id}"
    assert request["tags"]["http.response.status_code"] == 200
    clients = [span for span in trace if span["tags"]["span.kind"] == "client"]
    assert {span["tags"]["db.system.name"] for span in clients} == {"sqlite", "redis"}
    assert {span["references"][0]["spanID"] for span in clients} == {request["spanID"]}
    operations = {(span["tags"]["db.system.name"], span["tags"]["db.operation.name"]) for span in clients}
    assert operations >= {("sqlite", "SELECT"), ("redis", "GET"), ("redis", "SET")}
    everything = str(trace)
    assert not [canary for canary in CANARIES if canary in everything]
    # A key's value, and the key itself, which holds the item's identifier.
    assert created.rpartition("/")[2] not in str(clients)


def test_an_error_leads_to_its_trace(service: Service, jaeger: Jaeger, tmp_path: Path) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with service.given(**variables).faulty().served(tmp_path / "log") as server:
        answer = httpx2.get(f"{server.url}/test/fail?text=canary")
        (span,) = spans(jaeger, answer.json()["trace_id"], count=1)
        (line,) = server.logged(message="Unhandled exception")
    assert answer.status_code == 500
    assert line["trace_id"] == answer.json()["trace_id"]
    assert line["span_id"] == span["spanID"]
    assert line["exception"]["message"] == "canary"
    assert span["tags"]["http.response.status_code"] == 500
    assert {"key": "exception.type", "type": "string", "value": "RuntimeError"} in span["logs"][0]["fields"]
    assert "canary" not in str(span)


@contextmanager
def silent() -> Iterator[int]:
    """Listen on a port, accept nothing and answer nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def refusing() -> Iterator[int]:
    yield free_port()


@pytest.mark.parametrize("collector", [silent, refusing])
def test_a_dead_collector_costs_neither_latency_nor_the_end(service: Service, tmp_path: Path, collector: Any) -> None:
    with collector() as port:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_BSP_MAX_QUEUE_SIZE": "64",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4",
            "APP_SHUTDOWN__TELEMETRY": "0.5",
        }
        with service.given(**variables).served(tmp_path / "log") as server:
            with httpx2.Client(base_url=server.url) as client:
                while not server.metric("otel_spans_dropped_total", reason="queue_full"):
                    for _ in range(20):
                        assert client.get("/v1/items").status_code == 200
            until(lambda: server.metric("otel_spans_dropped_total", reason="export_failed"), "an export given up")
            # An export takes a second at least, until it is given up: no request has waited for one.
            name = "http_server_request_duration_seconds"
            assert server.metric(f"{name}_bucket", http_route="/v1/items", le="1.0") == server.metric(f"{name}_count")
            server.end()
            (begun,), (given_up,) = (
                server.logged(message=message)
                for message in ("Shutting down", "The collector did not take the last spans within 0.5 s.")
            )
    # The SDK alone would go on until each batch was given up: 16 s at least.
    waited = datetime.fromisoformat(given_up["timestamp"]) - datetime.fromisoformat(begun["timestamp"])
    assert waited.total_seconds() < 8
    assert server.log()[-1]["message"].startswith("Finished server process")


@pytest.mark.parametrize(
    ("fault", "collector"),
    [("silent", silent), ("not there", refusing)],
    ids=["silent", "refusing"],
)
def test_a_dead_collector_does_not_hold_up_the_end(
    service: Service,
    served_both: Callable[[Service], list[Server]],
    measured: Measured,
    fault: str,
    collector: Any,
) -> None:
    limit, requests = 5.0, 4_000

    def ended(server: Server) -> float:
        """Return the seconds from SIGTERM to the end; nobody waits for longer than `GIVEN_UP`."""
        began = time.perf_counter()
        server.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(GIVEN_UP)
        return time.perf_counter() - began

    with collector() as port:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
        both = served_both(service.given(**variables).faulty())
        for server in both:
            asyncio.run(fill_the_queue(server, requests))
        slow = both[0].metric("http_server_request_duration_seconds_bucket", le="0.25")
        ends = at_once(*(lambda server=server: ended(server) for server in both))
    ours, plain = (f"ended after {end:.1f} s" if end < GIVEN_UP else f"not ended in {GIVEN_UP:g} s" for end in ends)
    pass_line = f"ended within {limit:g} s of the drain"
    measured(
        2, f"SIGTERM with a full queue of spans, and a collector that is {fault}", pass_line, ours=ours, plain=plain
    )
    assert slow == requests
    assert ends[0] < limit
    assert both[0].process.returncode == 0


async def fill_the_queue(server: Server, requests: int) -> None:
    async def client() -> None:
        async with connected(server) as connection:
            for _ in range(requests // 8):
                connection.request("/test/slow/0")
                assert (await connection.answer()).status == 200

    await asyncio.gather(*(client() for _ in range(8)))


def test_exemplars_lead_to_traces_whose_spans_are_sent_at_the_end_at_last(
    service: Service, jaeger: Jaeger, tmp_path: Path
) -> None:
    trace = "a1" * 16
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_url, "OTEL_BSP_SCHEDULE_DELAY": "3600000"}
    with service.given(**variables).served(tmp_path / "log") as server:
        headers = {"traceparent": f"00-{trace}-{PARENT}-01"}
        assert httpx2.get(f"{server.url}/v1/items", headers=headers).status_code == 200
        openmetrics = httpx2.get(server.admin_url + "/metrics", headers={"Accept": "application/openmetrics-text"})
        text = server.admin("/metrics").text
    assert f'# {{trace_id="{trace}"}}' in openmetrics.text
    assert trace not in text
    assert spans(jaeger, trace, count=2)

"""The ninth of the twelve: requests that share a connection, and callers who choose hostile ids, paths and methods."""

import asyncio
import random
import re
import secrets
from pathlib import Path
from typing import NamedTuple

import httpx2

from support.process import Server, Service, until
from support.resilience import Measured
from support.servers import Jaeger
from support.wire import Answer, Connection, connected

CONNECTIONS, PIPELINED = 10, 10
REQUESTS = 10_000
HOSTILE = [
    b"",
    b"short",
    b"x" * 65,
    b"with a blank in it",
    b'"},{"level":"ERROR',
    b"%0d%0aSet-Cookie:a=b",
    b"<script>alert(1)</script>",
    b"\xe2\x80\xae\xff\xfe-not-ascii",
    b"${jndi:ldap://127.0.0.1/a}",
]


class Sent(NamedTuple):
    request_id: str
    trace_id: str
    size: int

    def whole(self) -> bytes:
        parent = f"traceparent: 00-{self.trace_id}-{secrets.token_hex(8)}-01"
        head = f"POST /test/echo HTTP/1.1\r\nHost: test\r\nX-Request-ID: {self.request_id}\r\n{parent}\r\n"
        return f"{head}Content-Length: {self.size}\r\n\r\n".encode() + b"x" * self.size


async def pipeline(server: Server, sent: list[Sent]) -> list[Answer]:
    """Send all of them at once on one connection, in parts that end anywhere, as others do at the same time."""
    async with connected(server) as connection:

        async def send() -> None:
            data = b"".join(request.whole() for request in sent)
            while data:
                end = random.randrange(1, 60_000)
                part, data = data[:end], data[end:]
                connection.send(part)
                await connection.sent()

        sending = asyncio.create_task(send())
        answers = [await connection.answer() for _ in sent]
        await sending
        return answers


async def exchange(server: Server, sent: list[list[Sent]]) -> list[list[Answer]]:
    return await asyncio.gather(*(pipeline(server, requests) for requests in sent))


def test_each_of_many_requests_on_one_connection_has_its_own_ids(
    service: Service, jaeger: Jaeger, tmp_path: Path, measured: Measured
) -> None:
    sent = [
        [Sent(f"pipelined-{c}-{n}", secrets.token_hex(16), 100_000 + 100 * c + n) for n in range(PIPELINED)]
        for c in range(CONNECTIONS)
    ]
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with service.given(**traced).faulty().served(tmp_path / "log") as server:
        answers = asyncio.run(exchange(server, sent))
        expected = [[(request.request_id, str(request.size)) for request in requests] for requests in sent]
        found = [[(answer.headers["x-request-id"], answer.body.decode()) for answer in some] for some in answers]
        assert found == expected
        lines = until(lambda: all_of(server.logged(logger="access"), CONNECTIONS * PIPELINED), "the access lines")
    told = {line["request_id"]: (line["trace_id"], line["span_id"], line["request_bytes"]) for line in lines}
    mixed = 0
    for request in (request for requests in sent for request in requests):
        trace_id, span_id, size = told[request.request_id]
        mixed += (trace_id, size) != (request.trace_id, request.size)
        mixed += span_of(jaeger, request.trace_id) != [span_id]
    count = CONNECTIONS * PIPELINED
    pass_line = "answer, log line and span of each have its own ids"
    ours = f"{count - mixed} of {count} do"
    measured(9, f"{count} pipelined requests with large bodies", pass_line, ours=ours, plain="there are no ids")
    assert mixed == 0


def all_of(found: list[dict[str, object]], count: int) -> list[dict[str, object]]:
    return found if len(found) >= count else []


def span_of(jaeger: Jaeger, trace_id: str) -> list[str]:
    """Return the ids of a trace's spans, when there are any."""

    def found() -> list[str]:
        traces = httpx2.get(f"{jaeger.query_url}/api/traces/{trace_id}").json()["data"] or []
        return [span["spanID"] for trace in traces for span in trace["spans"]]

    return until(found, f"the span of {trace_id}")


def test_hostile_ids_are_replaced(service: Service, tmp_path: Path, measured: Measured) -> None:
    async def ask(connection: Connection, request_id: bytes) -> str:
        connection.send(b"GET /test/slow/0 HTTP/1.1\r\nHost: test\r\nX-Request-ID: " + request_id + b"\r\n\r\n")
        return (await connection.answer()).headers["x-request-id"]

    async def ask_all(server: Server) -> list[str]:
        async with connected(server) as connection:
            return [await ask(connection, request_id) for request_id in HOSTILE]

    with service.faulty().served(tmp_path / "log") as server:
        given = asyncio.run(ask_all(server))
        until(lambda: all_of(server.logged(logger="access"), len(HOSTILE)), "the access lines")
    log = (tmp_path / "log").read_bytes()
    replaced = sum(bool(re.fullmatch("[0-9a-f]{16}", request_id)) for request_id in given)
    ours = f"{replaced} of {len(HOSTILE)} are"
    measured(9, "request ids that forge lines or flood", "replaced, and in no log", ours=ours, plain="there are no ids")
    assert replaced == len(HOSTILE)
    assert not [request_id for request_id in HOSTILE if len(request_id) > 8 and request_id in log]


async def flood(server: Server, requests: list[tuple[str, str]]) -> None:
    for at in range(0, len(requests), 100):
        async with connected(server) as connection:
            for method, path in requests[at : at + 100]:
                connection.request(path, method=method)
                assert (await connection.answer()).status in (404, 405)


def test_random_paths_and_methods_add_two_series_at_most(service: Service, tmp_path: Path, measured: Measured) -> None:
    unknown = ["PROPFIND", "MKCOL", "LOCK", "REPORT", "PURGE", "SUBSCRIBE", "LINK", "SEARCH"]
    requests = [
        (random.choice(unknown) if number % 2 else "GET", "/" + "/".join(secrets.token_hex(4) for _ in range(3)))
        for number in range(REQUESTS)
    ]

    def series(server: Server) -> set[str]:
        name = "http_server_request_duration_seconds_count"
        return set(re.findall(rf"^{name}{{(.*)}}", server.admin("/metrics").text, re.M))

    with service.faulty().served(tmp_path / "log") as server:
        # The twin: what has a route of its own has a series of its own, by its whole template.
        for number in range(3):
            assert httpx2.get(f"{server.url}/test/outer/7/inner/{number}").status_code == 200
        before = series(server)
        assert len([labels for labels in before if 'http_route="/test/outer/{outer_id}/inner/{number}"' in labels]) == 1
        asyncio.run(flood(server, requests))
        added = series(server) - before
    most = 2
    measured(
        9,
        f"{REQUESTS:,} requests with random paths and methods",
        f"series: {most} more at most",
        ours=f"series: {len(added)} more",
        plain="there are no metrics",
    )
    assert 0 < len(added) <= most, added

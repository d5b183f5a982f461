"""Each limit of docs/limits.md, met on a real server: its status, its problem's type, and its count."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from support.process import Server, Service, until
from support.wire import Answer, Connection, connected

REFUSED = "requests_refused_total"
LIMITS = {
    "APP_HTTP__MAX_IN_FLIGHT": "1",
    "APP_HTTP__MAX_HEADER_SIZE": "2048",
    "APP_HTTP__HEADER_TIMEOUT": "1",
    "APP_HTTP__MAX_BODY_SIZE": "1000",
    "APP_HTTP__BODY_TIMEOUT": "1",
    "APP_HTTP__REQUEST_TIMEOUT": "2",
    "APP_DATABASE__STATEMENT_TIMEOUT": "1.5",
    "APP_DATABASE__POOL_TIMEOUT": "1.2",
    "APP_DATABASE__CONNECT_TIMEOUT": "1",
    "APP_RATE_LIMIT__REQUESTS": "100",
    "APP_RATE_LIMIT__WINDOW": "36000",
}
Act = Callable[[Connection], Awaitable[None]]


async def too_many(connection: Connection) -> None:
    """While another connection's is being handled: that is the test's doing."""
    connection.request("/v1/items")


async def too_many_of_one(connection: Connection) -> None:
    for _ in range(101):
        connection.request("/no-such-path", "X-Forwarded-For: 198.51.100.1")
    for _ in range(100):
        await connection.answer()


async def large_headers(connection: Connection) -> None:
    connection.request("/v1/items", "X: " + "x" * 3000)


async def slow_headers(connection: Connection) -> None:
    connection.send(b"GET /v1/items HTTP/1.1\r\nHo")


async def announced_body(connection: Connection) -> None:
    connection.request("/v1/items", "Content-Length: 1001", method="POST")


async def chunked_body(connection: Connection) -> None:
    connection.request("/test/echo", "Transfer-Encoding: chunked", method="POST")
    connection.send(b"3e9\r\n" + b"x" * 1001 + b"\r\n")


async def slow_body(connection: Connection) -> None:
    connection.request("/test/echo", "Content-Length: 100", method="POST")


async def slow_handler(connection: Connection) -> None:
    connection.request("/test/slow/60")


async def no_http(connection: Connection) -> None:
    connection.send(b"\x00\r\n\r\n")


@pytest.fixture(scope="module")
def server(installed: Path, migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("limits")
    variables = {"DATABASE_URL": f"sqlite:///{shutil.copy(migrated, folder)}", "APP_SHUTDOWN__DRAIN": "0"}
    with Service(installed, variables | LIMITS).faulty().served(folder / "log") as server:
        yield server


@pytest.fixture(autouse=True)
def idle(server: Server) -> None:
    """Wait for what the test before has left: one request more would be one too many."""
    until(lambda: server.metric("http_server_active_requests") == 0, "the end of other requests")


@pytest.mark.parametrize(
    ("act", "status", "reason"),
    [
        (too_many, 503, "in_flight"),
        (too_many_of_one, 429, "rate"),
        (large_headers, 431, "header_size"),
        (slow_headers, 408, "header_time"),
        (announced_body, 413, "body_size"),
        (chunked_body, 413, "body_size"),
        (slow_body, 408, "body_time"),
        (slow_handler, 504, "request_time"),
        (no_http, 400, "malformed"),
    ],
)
def test_a_limit_has_its_status_its_type_and_its_count(server: Server, act: Act, status: int, reason: str) -> None:
    async def met() -> Answer:
        async with connected(server) as busy, connected(server) as connection:
            if act is too_many:
                busy.request("/test/slow/1.5")
                while server.metric("http_server_active_requests") == 0:
                    await asyncio.sleep(0.02)
            await act(connection)
            return await asyncio.wait_for(connection.answer(), 30)

    of_its_own, of_all = server.metric(REFUSED, reason=reason), server.metric(REFUSED)
    answer = asyncio.run(met())
    assert server.metric(REFUSED, reason=reason) == of_its_own + 1
    assert server.metric(REFUSED) == of_all + 1
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["type"] == "urn:problem-type:" + reason.replace("_", "-")
    assert problem["status"] == status
    assert len(problem["trace_id"]) == 32


def test_what_meets_no_limit_is_not_counted(server: Server) -> None:
    async def ask() -> list[int]:
        async with connected(server) as connection:
            for path in ("/v1/items", "/no-such-path", "/test/fail?text=x"):
                connection.request(path)
            return [(await connection.answer()).status for _ in range(3)]

    before = server.metric(REFUSED)
    assert asyncio.run(ask()) == [200, 404, 500]
    assert server.metric(REFUSED) == before

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Requests that are too large, too slow, too many or broken."""

import asyncio

import pytest

from {{ cookiecutter.__package }}.runtime.observability import (
    metrics,
)

from support.server import Running, until
from support.wire import Answer, connected


async def ask(running: Running, path: str, *headers: str, method: str = "GET") -> Answer:
    async with connected(running.address) as connection:
        connection.request(path, *headers, method=method)
        return await connection.answer(method)


async def test_a_length_above_the_limit_is_a_413_before_the_body(running: Running) -> None:
    answer = await ask(running, "/test/echo", "Content-Length: 1001", method="POST")
    assert answer.status == 413
    running.check_problem(answer)


async def test_chunks_above_the_limit_are_a_413(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/echo", "Transfer-Encoding: chunked", method="POST")
        for _ in range(11):
            connection.send(b"64\r\n" + b"x" * 100 + b"\r\n")
        answer = await connection.answer()
        assert answer.status == 413
        running.check_problem(answer)


async def test_a_body_of_the_limit_is_taken(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/echo", "Content-Length: 1000", method="POST")
        connection.send(b"x" * 1000)
        assert (await connection.answer()).body == b"1000"


async def test_a_body_that_stops_is_a_408(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/echo", "Content-Length: 100", method="POST")
        connection.send(b"x")
        answer = await connection.answer()
        assert answer.status == 408
        assert answer.closes
        running.check_problem(answer)


async def test_a_body_that_drips_is_a_408(running: Running) -> None:
    async def drip() -> None:
        while True:
            connection.send(b"x")
            await asyncio.sleep(0.05)

    async with connected(running.address) as connection:
        connection.request("/test/echo", "Content-Length: 100", method="POST")
        dripping = asyncio.create_task(drip())
        answer = await connection.answer()
        dripping.cancel()
        assert answer.status == 408
        running.check_problem(answer)


async def test_a_slow_handler_is_a_504(running: Running) -> None:
    answer = await ask(running, "/test/slow/60")
    assert answer.status == 504
    running.check_problem(answer)


async def test_a_stream_may_last_longer_than_a_request(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/stream?seconds=0.5", "Connection: close")
        assert (await connection.closed()).endswith(b"1\r\nx\r\n1\r\nx\r\n0\r\n\r\n")


async def test_a_client_that_stops_reading_a_stream_is_cut_off(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/stream?size=30000000")
        await connection.reader.readexactly(1)
        await running.all_closed()


async def test_one_request_too_many_is_a_503_before_its_body(running: Running) -> None:
    shed = metrics.REQUESTS_REFUSED.labels("in_flight")._value.get()
    tasks = [asyncio.create_task(ask(running, "/test/slow/0.2")) for _ in range(8)]
    await until(lambda: len(running.server.server_state.tasks) == 8)
    answer = await ask(running, "/test/echo", "Content-Length: 900", method="POST")
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert metrics.REQUESTS_REFUSED.labels("in_flight")._value.get() == shed + 1
    running.check_problem(answer)
    assert {answer.status for answer in await asyncio.gather(*tasks)} == {200}


async def test_a_client_that_goes_away_in_its_body_is_no_error(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/echo", "Content-Length: 100", method="POST")
        await until(lambda: running.server.server_state.tasks)
    with caplog.at_level("INFO"):
        await until(lambda: caplog.records)
    (record,) = caplog.records
    assert record.name == "access"
    assert record.getMessage() == "POST /test/echo 499"


async def test_an_exception_is_a_500_and_logged_once(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    answer = await ask(running, "/test/fail")
    assert answer.status == 500
    running.check_problem(answer)
    assert b"canary" not in answer.body
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["canary"]


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/stream?fail=true")
        assert (await connection.closed()).endswith(b"1\r\nx\r\n")
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["after the answer began"]


async def test_head_has_headers_and_no_body(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/none", method="HEAD")
        connection.request("/test/ok")
        answer = await connection.answer("HEAD")
        assert answer.status == 404
        assert int(answer.headers["content-length"]) > 0
        assert (await connection.answer()).body == b'"ok"'


@pytest.mark.parametrize("given", ["short", "a" * 65, 'forged","level":"ERROR', "line\tbreak"])
async def test_a_hostile_request_id_is_replaced(running: Running, given: str) -> None:
    answer = await ask(running, "/test/ok", f"X-Request-ID: {given}")
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 16


async def test_an_error_has_the_callers_trace_id(running: Running) -> None:
    answer = await ask(running, "/test/none", f"traceparent: 00-{'ab' * 16}-{'cd' * 8}-01")
    assert answer.json()["trace_id"] == "ab" * 16


@pytest.mark.parametrize(
    "given", ["ff-" + "ab" * 16 + "-" + "cd" * 8 + "-01", "00-" + "0" * 32 + "-" + "cd" * 8 + "-01"]
)
async def test_a_wrong_traceparent_is_replaced(running: Running, given: str) -> None:
    answer = await ask(running, "/test/none", f"traceparent: {given}")
    assert answer.json()["trace_id"] not in given


async def test_every_answer_has_the_security_headers(running: Running) -> None:
    for path in ("/test/ok", "/test/none", "/test/fail"):
        headers = (await ask(running, path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers

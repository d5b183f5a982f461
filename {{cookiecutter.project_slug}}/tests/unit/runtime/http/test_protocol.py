# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Connections of peers that are slow, broken or hostile."""

import asyncio
import contextlib
import logging
import os
import socket
import struct

import pytest

from {{ cookiecutter.__package }}.runtime.http.protocol import (
    GuardedProtocol,
)

from support.server import Running
from support.wire import connected


async def test_a_connection_that_sends_nothing_is_closed(running: Running) -> None:
    async with connected(running.address) as connection:
        assert await connection.closed() == b""


@pytest.mark.parametrize("begun", [b"G", b"GET /test/ok HTTP/1.1\r\nHost: te"])
async def test_headers_that_never_end_are_a_408(running: Running, begun: bytes) -> None:
    async with connected(running.address) as connection:
        connection.send(begun)
        answer = await connection.answer()
        assert answer.status == 408
        assert answer.closes
        running.check_problem(answer)
        assert await connection.closed() == b""


async def test_one_byte_after_an_answer_is_a_408(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/ok")
        assert (await connection.answer()).status == 200
        connection.send(b"G")
        assert (await connection.answer()).status == 408
        assert await connection.closed() == b""


async def test_blank_lines_after_an_answer_keep_no_connection_open(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/ok")
        await connection.answer()
        connection.send(b"\r\n")
        assert await connection.closed() == b""


@pytest.mark.parametrize("lines", [1, 50])
async def test_large_headers_are_a_431(running: Running, lines: int) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/ok", *[f"X: {'x' * (5000 // lines)}"] * lines)
        answer = await connection.answer()
        assert answer.status == 431
        assert answer.closes
        running.check_problem(answer)


async def test_headers_without_end_are_a_431_that_the_client_sees(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.send(b"GET /test/ok HTTP/1.1\r\n")
        for _ in range(1000):
            connection.send(b"X: " + b"x" * 1000 + b"\r\n")
            await connection.writer.drain()
            await asyncio.sleep(0)
        assert (await connection.answer()).status == 431


async def test_a_large_body_that_comes_with_its_headers_is_no_large_header(running: Running) -> None:
    async with connected(running.address) as connection:
        for _ in range(2):
            connection.request("/test/echo", "Content-Length: 1000", f"X: {'x' * 1500}", method="POST")
            connection.send(b"x" * 1000)
            assert (await connection.answer()).body == b"1000"


@pytest.mark.parametrize("sent", [b"\x00\r\n\r\n", b"GET /test/ok HTTP/1.1\r\nContent-Length: many\r\n\r\n"])
async def test_what_is_no_http_is_a_400(running: Running, sent: bytes) -> None:
    async with connected(running.address) as connection:
        connection.send(sent)
        answer = await connection.answer()
        assert answer.status == 400
        running.check_problem(answer)
        assert await connection.closed() == b""


async def test_an_answer_before_its_body_was_read_reaches_the_client(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/none", "Content-Length: 900", method="POST")
        assert (await connection.answer()).status == 404
        connection.send(b"x" * 900)
        connection.request("/test/ok")
        assert (await connection.answer()).status == 200


async def test_a_body_that_drips_after_its_answer_is_not_waited_for(running: Running) -> None:
    async def drip() -> None:
        while True:
            connection.send(b"x")
            await asyncio.sleep(0.05)

    async with connected(running.address) as connection:
        connection.request("/test/none", "Content-Length: 900", method="POST")
        assert (await connection.answer()).status == 404
        dripping = asyncio.create_task(drip())
        with contextlib.suppress(ConnectionError):
            assert await connection.closed() == b""
        dripping.cancel()


async def test_a_client_that_does_not_read_is_cut_off(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/big")
        await connection.reader.readexactly(1)
        await running.all_closed()


def has_timer(protocol: GuardedProtocol) -> bool:
    return protocol.timeout_keep_alive_task is not None


async def test_a_connection_that_is_reset_leaves_no_timer(running: Running) -> None:
    await running.all_closed()
    async with connected(running.address) as connection:
        connection.request("/test/ok")
        await connection.answer()
        (protocol,) = running.server.server_state.connections
        assert isinstance(protocol, GuardedProtocol)
        assert has_timer(protocol)
        connection.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        connection.writer.transport.abort()
        await running.all_closed()
        assert not has_timer(protocol)


async def test_a_request_that_has_arrived_is_answered_although_the_server_is_ending(running: Running) -> None:
    await running.all_closed()
    async with connected(running.address) as connection:
        connection.request("/test/ok")
        await connection.answer()
        (protocol,) = running.server.server_state.connections
        # It is in the kernel, and the event loop, which is here, can't have seen it.
        os.write(connection.writer.get_extra_info("socket").fileno(), b"GET /test/ok HTTP/1.1\r\nHost: test\r\n\r\n")
        protocol.shutdown()
        assert (await connection.answer()).status == 200
        protocol.shutdown()
        assert await connection.closed() == b""


async def test_each_of_ten_pipelined_requests_has_its_own_identifiers(running: Running) -> None:
    async with connected(running.address) as connection:
        for number in range(10):
            connection.request("/test/ok", *([] if number % 2 else [f"X-Request-ID: pipelined-{number}"]))
        answers = [await connection.answer() for _ in range(10)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert ids[::2] == [f"pipelined-{number}" for number in range(0, 10, 2)]
    assert len(set(ids)) == 10


async def test_a_pipelined_request_inherits_no_context(running: Running) -> None:
    async with connected(running.address) as connection:
        for _ in range(3):
            connection.request("/test/context")
        assert [(await connection.answer()).json() for _ in range(3)] == ["nothing"] * 3


async def test_a_pipelined_request_that_waits_for_others_is_not_late(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/slow/0.3")
        connection.request("/test/ok")
        connection.send(b"GET /test/ok HTTP/1.1\r\nHo")
        for _ in range(2):
            assert (await connection.answer()).status == 200
        connection.send(b"st: test\r\n\r\n")
        assert (await connection.answer()).status == 200


async def test_http_1_0_is_answered_and_closed(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.send(b"GET /test/ok HTTP/1.0\r\n\r\n")
        assert b'"ok"' in await connection.closed()


UPGRADE = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"]


@pytest.mark.parametrize("split", [False, True])
async def test_an_ignored_upgrade_loses_no_body_and_makes_no_request_of_it(running: Running, split: bool) -> None:
    body = b"GET /test/none HTTP/1.1\r\nHost: test\r\n\r\n"
    async with connected(running.address) as connection:
        connection.request("/test/echo", *UPGRADE, f"Content-Length: {len(body)}", method="POST")
        if split:
            await asyncio.sleep(0.02)
        connection.send(body)
        connection.request("/test/ok", *UPGRADE)
        connection.request("/test/ok")
        assert (await connection.answer()).body == str(len(body)).encode()
        for _ in range(2):
            assert (await connection.answer()).body == b'"ok"'


async def test_a_trailer_is_no_header(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/echo", "Transfer-Encoding: chunked", "X-Request-ID: a-header", method="POST")
        connection.send(b"0\r\nX-Request-ID: a-trailer\r\n\r\n")
        assert (await connection.answer()).headers["x-request-id"] == "a-header"


@pytest.mark.parametrize(
    "broken", [b"\0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"POST /test/echo HTTP/1.1\r\nHost: test\r\n"]
)
async def test_what_is_broken_is_answered_in_its_turn_and_ends_the_connection(running: Running, broken: bytes) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/slow/0.05")
        connection.request("/test/ok")
        connection.send(broken + b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n")
        connection.request("/test/ok")
        assert [(await connection.answer()).status for _ in range(3)] == [200, 200, 400]
        assert await connection.closed() == b""


async def test_what_is_broken_behind_an_answer_that_is_not_yet_read_does_not_cut_it_off(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/stream?size=300000")
        connection.send(b"\0\r\n\r\n")
        received = await connection.closed()
    assert received.count(b"x" * 300_000) == 2
    assert received.count(b"HTTP/1.1 400") == 1


async def test_an_upgrade_is_ignored(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(running.address) as connection:
        for _ in range(2):
            connection.request("/test/ok", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA")
            assert (await connection.answer()).status == 200
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


async def test_the_last_answer_is_not_lost_to_a_reset_where_more_was_sent_than_is_read(running: Running) -> None:
    """RFC 9112, 9.6."""
    head = b"POST /test/echo HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 900000\r\n\r\n"
    for _ in range(20):
        async with connected(running.address) as connection:
            connection.send(head + b"x" * 900_000)
            assert (await connection.answer()).status == 413
            assert await connection.closed() == b""


async def test_a_request_behind_the_last_one_is_none(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "access")
    monkeypatch.setattr(running.server._state, "draining", True)
    async with connected(running.address) as connection:
        for _ in range(3):
            connection.request("/test/ok")
        answer = await connection.answer()
        assert (answer.status, answer.closes) == (200, True)
        assert await connection.closed() == b""
    await running.all_closed()
    assert [record.getMessage() for record in caplog.records if record.name == "access"] == ["GET /test/ok 200"]


async def test_a_peer_that_keeps_the_connection_after_the_last_answer_loses_it(running: Running) -> None:
    async with connected(running.address) as connection:
        connection.request("/test/ok", "Connection: close")
        assert (await connection.answer()).status == 200
        await running.all_closed()

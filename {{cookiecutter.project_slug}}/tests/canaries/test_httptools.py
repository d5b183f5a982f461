# The template's: later versions change this file. Yours are listed in pyproject.toml.
from typing import Any

import httptools
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from support.wire import connected


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what the header X holds when the body has been read."""
    request = Request(scope, receive)
    await request.body()
    await PlainTextResponse(request.headers.get("x", ""))(scope, receive, send)


def test_a_body_behind_an_upgrade_is_lost() -> None:
    """Its issue 124, and uvicorn's 2722."""

    class Reader:
        bodies: list[bytes] = []  # noqa: RUF012 - read below

        def on_body(self, body: bytes) -> None:
            self.bodies.append(body)

    head = b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\n"
    with pytest.raises(httptools.HttpParserUpgrade):
        httptools.HttpRequestParser(Reader()).feed_data(head + b"body")
    assert Reader.bodies == [], "FramedProtocol need not read the request again any more"


@pytest.mark.parametrize("hosts", [0, 2])
async def test_uvicorn_takes_any_number_of_hosts(serve: Any, hosts: int) -> None:
    """Its PR 3125, open."""
    plain = await serve(told)
    async with connected(plain.address) as connection:
        connection.send(b"GET / HTTP/1.1\r\n" + b"Host: test\r\n" * hosts + b"\r\n")
        assert (await connection.answer()).status == 200, "framing.refusal need not count hosts any more"


async def test_uvicorn_takes_a_trailer_for_a_header(serve: Any) -> None:
    plain = await serve(told)
    async with connected(plain.address) as connection:
        connection.request("/", "Transfer-Encoding: chunked", method="POST")
        connection.send(b"0\r\nX: trailer\r\n\r\n")
        assert (await connection.answer()).body == b"trailer", "FramedProtocol.on_header can go"


async def test_uvicorn_takes_another_major_version(serve: Any) -> None:
    plain = await serve(told)
    async with connected(plain.address) as connection:
        connection.send(b"GET / HTTP/2.0\r\nHost: test\r\n\r\n")
        assert (await connection.answer()).status == 200, "framing.refusal need not look at the version any more"

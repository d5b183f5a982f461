# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""HTTP as it is on the wire, for what a good client would never send, or never tell."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple


class Address(NamedTuple):
    host: str
    port: int


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def request(self, path: str, *headers: str, method: str = "GET") -> None:
        """Send a request's headers, and no body."""
        self.send("\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", *headers, "", ""]).encode())

    async def answer(self, method: str = "GET") -> Answer:
        """Read one answer, which must come within a time far longer than any should take.

        Raises:
            asyncio.IncompleteReadError: the connection was closed before its end.
        """
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *fields = head.splitlines()[:-1]
            headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
            length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
            return Answer(int(status.split()[1]), headers, await self.reader.readexactly(length))

    async def closed(self) -> bytes:
        """Wait until the peer closes, and return what it sent before."""
        async with asyncio.timeout(20):
            return await self.reader.read()


@contextlib.asynccontextmanager
async def connected(address: Address) -> AsyncIterator[Connection]:
    connection = Connection(*await asyncio.open_connection(*address))
    try:
        yield connection
    finally:
        connection.writer.close()
        with contextlib.suppress(ConnectionError):
            await connection.writer.wait_closed()

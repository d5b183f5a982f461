"""HTTP as it is on the wire, for what a good client would never send, or never tell."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import NamedTuple

from support.process import Server


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @property
    def closed_by_peer(self) -> bool:
        return self._reader.at_eof()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def request(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    async def sent(self) -> None:
        """Wait until the peer has taken most of what was sent."""
        await self._writer.drain()

    async def answer(self) -> Answer:
        """Read one answer.

        Raises:
            asyncio.IncompleteReadError: the connection was closed before its end.
            ConnectionError: it was reset.
        """
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        status, *fields = head.splitlines()[:-1]
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split()[1]), headers, body)

    async def closed(self) -> bytes:
        """Wait until the peer closes, and return what it sent before."""
        return await self._reader.read()

    def reset(self) -> None:
        """End the connection as a crash does: with RST, and whatever is under way is lost."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Connection]:
    connection = Connection(*await asyncio.open_connection("127.0.0.1", server.port))
    try:
        yield connection
    finally:
        await connection.close()

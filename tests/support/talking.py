"""Good requests as bytes, each with an id and a length that its answer carries back, and what is answered to any."""

import asyncio
import re
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from support.process import Server
from support.wire import connected

# What a connection may take to be answered and closed: far more than the server's own limits, which are set below.
SOON = 30
AT_ONCE = 60
_NUMBERS = count(1)


class Good(NamedTuple):
    """A request that is answered 200, with its id and the length of its body."""

    id: str
    length: int

    @property
    def head(self) -> bytes:
        return f"POST /test/echo HTTP/1.1\r\nHost: test\r\nX-Request-ID: {self.id}\r\n".encode()

    @property
    def sent(self) -> bytes:
        return self.head + b"Content-Length: %d\r\n\r\n" % self.length + b"x" * self.length

    @property
    def answer(self) -> "Answer":
        return Answer(200, self.id, str(self.length).encode())


class Answer(NamedTuple):
    status: int
    id: str
    body: bytes


def good() -> Good:
    number = next(_NUMBERS)
    return Good(f"request-{number}", number % 1000)


ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [ -~]+\r\n((?:[!-9;-~]+: [ -~]*\r\n)+)\r\n")


def answers(received: bytes) -> list[Answer]:
    """Read what the server sent, all of which has to be answers."""
    found = []
    while received := received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"):
        match = ANSWER.match(received)
        assert match, received
        headers = dict(line.split(b": ", 1) for line in match[2].splitlines())
        end = match.end() + int(headers[b"content-length"])
        assert len(received) >= end, received
        found.append(Answer(int(match[1]), headers[b"x-request-id"].decode(), received[match.end() : end]))
        received = received[end:]
    return found


def talk(server: Server, *conversations: Sequence[bytes]) -> list[list[Answer]]:
    """Send each conversation, part by part, on a connection of its own, and return its answers.

    Raises:
        TimeoutError: the server did not close a connection in time.
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def converse(parts: Sequence[bytes]) -> bytes:
        async with limit, connected(server) as connection:
            for number, part in enumerate(parts):
                if number:
                    await asyncio.sleep(0.002 if len(parts) == 2 else 0)  # so that it is a segment of its own
                connection.send(part)
            return await asyncio.wait_for(connection.closed(), SOON)

    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*map(converse, conversations))

    return [answers(received) for received in asyncio.run(all_of_them())]

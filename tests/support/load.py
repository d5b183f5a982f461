"""Load at a steady rate, over kept and over new connections, in which each request is accounted for."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2

from support.process import until

TIMEOUT = 15.0
"""Seconds that a client waits for an answer: longer than the service ever takes."""


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    json: object = None


@dataclass
class Load:
    """What was asked and how it went. An answer counts as failed when it is none, or its status is 500 and above."""

    sent: int = 0
    answered: int = 0
    most_in_flight: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def in_flight(self) -> int:
        return self.sent - self.answered

    def wait_for(self, more: int, seconds: float = 300) -> None:
        """Wait until so many more requests have been answered or have failed."""
        enough = self.answered + more
        until(lambda: self.answered >= enough, f"{more} more requests", seconds)

    def note(self, call: Call, kept: bool, seconds: float, outcome: httpx2.Response | Exception) -> None:
        self.answered += 1
        if isinstance(outcome, httpx2.Response):
            if outcome.status_code < 500:
                return
            said = f"{outcome.status_code} {outcome.text}"
        else:
            said = repr(outcome)
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        connection = "kept" if kept else "new"
        self.failures.append(
            f"{when} {call.method} {call.path} on a {connection} connection, after {seconds:.3f} s: {said}"
        )


@contextlib.contextmanager
def load(
    url: str, calls: Callable[[], Iterator[Call]], rate: float, *, new_each: int = 10, connect_retries: int = 0
) -> Iterator[Load]:
    """Send `rate` requests a second until the end of the block, then await the last answers.

    The rate does not wait for answers, as the world does not. Every `new_each`th request opens a connection of its own.
    A connection that is refused is tried again `connect_retries` times: its request has not been sent.
    """
    result = Load()
    stop = threading.Event()
    thread = threading.Thread(
        target=lambda: asyncio.run(_send(url, calls(), rate, new_each, connect_retries, result, stop))
    )
    thread.start()
    try:
        yield result
    finally:
        stop.set()
        thread.join()


async def _send(
    url: str, calls: Iterator[Call], rate: float, new_each: int, retries: int, result: Load, stop: threading.Event
) -> None:
    def client(kept: int) -> httpx2.AsyncClient:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=kept, keepalive_expiry=30)
        transport = httpx2.AsyncHTTPTransport(limits=limits, retries=retries)
        return httpx2.AsyncClient(base_url=url, timeout=TIMEOUT, transport=transport)

    loop = asyncio.get_running_loop()
    async with client(64) as kept, client(0) as new:

        async def send(call: Call, client: httpx2.AsyncClient) -> None:
            outcome: httpx2.Response | Exception
            result.sent += 1
            result.most_in_flight = max(result.most_in_flight, result.in_flight)
            began = loop.time()
            try:
                outcome = await client.request(call.method, call.path, json=call.json)
            except httpx2.HTTPError as error:
                outcome = error
            result.note(call, client is kept, loop.time() - began, outcome)

        started = loop.time()
        tasks: set[asyncio.Task[None]] = set()
        for number in itertools.count():
            if stop.is_set():
                break
            await asyncio.sleep(max(0.0, started + number / rate - loop.time()))
            task = asyncio.create_task(send(next(calls), kept if number % new_each else new))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

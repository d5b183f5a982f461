"""A mix of all that callers do, well and badly, at a steady rate; each answer is one that was to be expected."""

import asyncio
import contextlib
import random
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx2

TIMEOUT = 15.0
UNKNOWN = "/v1/items/6f0f8b0e-0000-4000-8000-000000000000"
JSON = {"content-type": "application/json"}
KEPT = 500
"""Items that are read and changed; older ones are deleted."""


@dataclass(frozen=True)
class Failure:
    began: float
    ended: float
    kind: str


class Mix:
    """Callers of a service: what was sent, and what failed. Times are `time.monotonic()`."""

    def __init__(self, url: str, planted: str | None = None) -> None:
        self.url = url
        self.sent = self.answered = 0
        self.rate = 0.0
        """Requests a second that are sent during `sending`; none, until it is set."""
        self.failures: list[Failure] = []
        self._items: deque[str] = deque()
        self._kinds: list[tuple[int, Callable[[httpx2.AsyncClient], Awaitable[str]]]] = [
            (40, self._read),
            (10, self._list),
            (12, self._create),
            (12, self._change),
            (4, self._replay),
            (8, self._mistake),
            (4, self._gone_before_the_end),
            (4, self._gone_before_the_answer),
            (4, self._slow_body),
        ]
        if planted:
            # As many again, so that on average a request leaks half of what one of these does.
            self._kinds.append((98, lambda client: self._expect(client, 200, "POST", planted)))

    @property
    def in_flight(self) -> int:
        return self.sent - self.answered

    async def _expect(self, client: httpx2.AsyncClient, status: int, method: str, path: str, **request: object) -> str:
        answer = await client.request(method, path, **request)  # type: ignore[arg-type]
        return "" if answer.status_code == status else f"{method} {answer.status_code} for {status}"

    def _some(self) -> str:
        """Return an item's address, and none that is about to be deleted."""
        return self._items[random.randrange(len(self._items) // 5, len(self._items))] if self._items else UNKNOWN

    async def _read(self, client: httpx2.AsyncClient) -> str:
        place = self._some()
        return await self._expect(client, 200 if place != UNKNOWN else 404, "GET", place)

    async def _list(self, client: httpx2.AsyncClient) -> str:
        return await self._expect(client, 200, "GET", "/v1/items?limit=20")

    async def _create(self, client: httpx2.AsyncClient) -> str:
        answer = await client.post("/v1/items", json={"name": uuid4().hex, "description": "x" * 200})
        if answer.status_code != 201:
            return f"POST {answer.status_code} for 201"
        self._items.append(answer.headers["location"])
        if len(self._items) > KEPT:
            return await self._expect(client, 204, "DELETE", self._items.popleft(), headers={"If-Match": "*"})
        return ""

    async def _change(self, client: httpx2.AsyncClient) -> str:
        place, change = self._some(), {"description": uuid4().hex}
        status = 200 if place != UNKNOWN else 404
        return await self._expect(client, status, "PATCH", place, json=change, headers={"If-Match": "*"})

    async def _replay(self, client: httpx2.AsyncClient) -> str:
        request: dict[str, object] = {"json": {"name": uuid4().hex}, "headers": {"Idempotency-Key": uuid4().hex}}
        return await self._expect(client, 201, "POST", "/v1/items", **request) or await self._expect(
            client, 201, "POST", "/v1/items", **request
        )

    async def _mistake(self, client: httpx2.AsyncClient) -> str:
        change: dict[str, object] = {"json": {"name": "x"}}
        mistakes: list[tuple[int, str, str, dict[str, object]]] = [
            (404, "GET", UNKNOWN, {}),
            (404, "GET", f"/{uuid4().hex}", {}),
            (405, "PUT", "/v1/items", {}),
            (412, "PATCH", self._some(), {**change, "headers": {"If-Match": '"0"'}}),
            (422, "GET", "/v1/items?cursor=x", {}),
            (422, "POST", "/v1/items", {"content": b"{", "headers": JSON}),
            (422, "POST", "/v1/items", {"json": {"name": uuid4().hex, uuid4().hex: 1}}),
            (428, "PATCH", self._some(), change),
        ]
        status, method, path, request = random.choice(mistakes)
        if path == UNKNOWN and method == "PATCH":
            status = 404
        return await self._expect(client, status, method, path, **request)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        url = httpx2.URL(self.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _head(self, length: int) -> bytes:
        head = f"POST /v1/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}"
        return f"{head}\r\n\r\n".encode()

    async def _gone_before_the_end(self, _: httpx2.AsyncClient) -> str:
        async with self._connection() as (_reader, writer):
            writer.write(self._head(100) + b'{"name":')
            await writer.drain()
        return ""

    async def _gone_before_the_answer(self, _: httpx2.AsyncClient) -> str:
        async with self._connection() as (_reader, writer):
            writer.write(b"GET /v1/items?limit=100 HTTP/1.1\r\nHost: x\r\n\r\n")
            await writer.drain()
        return ""

    async def _slow_body(self, _: httpx2.AsyncClient) -> str:
        body = b'{"name": "%s"}' % uuid4().hex.encode()
        async with self._connection() as (reader, writer):
            writer.write(self._head(len(body)))
            for part in (body[:10], body[10:20], body[20:]):
                await asyncio.sleep(0.2)
                writer.write(part)
            status = (await asyncio.wait_for(reader.readline(), TIMEOUT)).decode().split()
        return "" if status[1:2] == ["201"] else f"slow POST {status[1:2]} for 201"

    async def _one(self, kept: httpx2.AsyncClient, new: httpx2.AsyncClient) -> None:
        (send,) = random.choices([kind for _, kind in self._kinds], [weight for weight, _ in self._kinds])
        self.sent += 1
        began = time.monotonic()
        try:
            wrong = await send(new if self.sent % 10 == 0 else kept)
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            wrong = type(error).__name__
        self.answered += 1
        if wrong:
            self.failures.append(Failure(began, time.monotonic(), wrong))

    @contextlib.asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[httpx2.AsyncClient, httpx2.AsyncClient]]:
        def client(kept: int) -> httpx2.AsyncClient:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=kept, keepalive_expiry=30)
            return httpx2.AsyncClient(base_url=self.url, timeout=TIMEOUT, limits=limits)

        async with client(64) as kept, client(0) as new:
            yield kept, new

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """Send `rate` requests a second during the block, whatever becomes of them; at its end await the last."""
        stop = threading.Event()
        loop = self._loop = asyncio.new_event_loop()

        async def send() -> None:
            async with self._clients() as clients:
                tasks, due = set(), time.monotonic()
                while not stop.is_set():
                    await asyncio.sleep(max(0.01 if not self.rate else 0.0, due - time.monotonic()))
                    if not self.rate:
                        due = time.monotonic()
                        continue
                    due += 1 / self.rate
                    task = asyncio.create_task(self._one(*clients))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                await asyncio.gather(*tasks)

        def run() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(send())

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def measured_capacity(self, seconds: float, callers: int = 16) -> float:
        """Return the requests a second of so many who send one after another, alone: `sending` pauses meanwhile."""

        async def measure() -> float:
            rate, self.rate = self.rate, 0.0
            while self.in_flight:
                await asyncio.sleep(0.01)
            async with self._clients() as clients:
                began, before = time.monotonic(), self.answered

                async def calls() -> None:
                    while time.monotonic() < began + seconds:
                        await self._one(*clients)

                await asyncio.gather(*(calls() for _ in range(callers)))
                capacity = (self.answered - before) / (time.monotonic() - began)
            self.rate = rate
            return capacity

        return asyncio.run_coroutine_threadsafe(measure(), self._loop).result()

    def kinds(self, since: int = 0) -> str:
        counted = Counter(failure.kind for failure in self.failures[since:])
        return ", ".join(f"{kind} x {number}" for kind, number in counted.most_common()) or "none"

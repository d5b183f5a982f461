"""The end of a pod under load: SIGTERM, and clients that learn of it only later, as in a rollout."""

import asyncio
import itertools
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2

from support.outcomes import Outcome
from support.process import Server, Service, until
from support.resilience import Measured
from support.wire import Answer, Connection, connected

DRAIN = 2.0
ENDPOINT_LAG = 1.5
"""Seconds from SIGTERM until nobody opens new connections to the pod."""


class Rollout:
    """Clients on keep-alive connections, which they renew as they are told, until the pod is no endpoint any more."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.answers: list[Answer] = []
        self.late_answers: list[Answer] = []
        """Those to requests sent after readiness had failed."""
        self.lost: list[Exception] = []
        self.unready = asyncio.Event()
        self.removed = asyncio.Event()
        self.warm = asyncio.Semaphore(0)
        self.alive: list[int] = []
        """What liveness said until the pod was no endpoint any more; 0 is no answer."""

    @property
    def failed(self) -> int:
        return len(self.lost) + sum(answer.status != 200 for answer in self.answers)

    async def client(self, path: str, pauses: list[float]) -> None:
        """Send a request, then pause, and so on; the last pause is repeated."""
        pause = itertools.chain(pauses, itertools.repeat(pauses[-1]))
        while not self.removed.is_set():
            try:
                async with connected(self.server) as connection:
                    await self._use(connection, path, pause)
            except (OSError, EOFError) as error:
                self.lost.append(error)
                await asyncio.sleep(0.05)

    async def _use(self, connection: Connection, path: str, pause: Iterator[float]) -> None:
        while not connection.closed_by_peer:
            late = self.unready.is_set()
            connection.request(path)
            answer = await connection.answer()
            self.answers.append(answer)
            if late:
                self.late_answers.append(answer)
            self.warm.release()
            if answer.closes:
                return
            await asyncio.sleep(next(pause))


async def roll_out(server: Server) -> Rollout:
    rollout = Rollout(server)
    never = 60.0
    clients = [rollout.client("/v1/items", [0.0]) for _ in range(36)]
    clients += [rollout.client("/test/slow/2", [0.0]) for _ in range(8)]
    # Idle when SIGTERM comes; they ask again at some moment of the drain, or of the end.
    clients += [rollout.client("/v1/items", [0.1 + DRAIN * part / 16, never]) for part in range(1, 21)]
    tasks = [asyncio.create_task(client) for client in clients]
    for _ in clients:
        await asyncio.wait_for(rollout.warm.acquire(), 30)
    server.signal(signal.SIGTERM)
    async with httpx2.AsyncClient() as admin:
        while await status(admin, server.admin_url + "/readyz") == 200:
            assert not rollout.late_answers
        rollout.unready.set()
        asyncio.get_running_loop().call_later(ENDPOINT_LAG, rollout.removed.set)
        while not rollout.removed.is_set():
            rollout.alive.append(await status(admin, server.admin_url + "/livez"))
            await asyncio.sleep(0.05)
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    return rollout


async def status(admin: httpx2.AsyncClient, url: str) -> int:
    try:
        return (await admin.get(url)).status_code
    except httpx2.HTTPError:
        return 0


def test_no_request_is_lost(
    service: Service, served_both: Callable[[Service], list[Server]], measured: Measured
) -> None:
    rollouts, codes = [], []
    for server in served_both(service.given(APP_SHUTDOWN__DRAIN=str(DRAIN)).faulty()):
        rollouts.append(asyncio.run(roll_out(server)))
        codes.append(server.process.wait(30))
    ours, plain = (
        f"{rollout.failed} of {len(rollout.answers) + len(rollout.lost)} lost; exit code {code}"
        for rollout, code in zip(rollouts, codes, strict=True)
    )
    fault = "SIGTERM under load, while clients go on for a while"
    measured(1, fault, "no request lost; alive all the time; exit code 0", ours=ours, plain=plain)
    rollout = rollouts[0]
    assert rollout.lost == []
    assert {answer.status for answer in rollout.answers} == {200}
    assert set(rollout.alive) == {200}
    assert rollout.late_answers
    assert all(answer.closes for answer in rollout.late_answers)
    assert codes[0] == 0


def test_without_a_drain_requests_are_lost(service: Service, tmp_path: Path) -> None:
    """The twin."""
    with service.faulty().served(tmp_path / "log") as server:
        assert asyncio.run(roll_out(server)).lost


def test_readiness_fails_as_soon_as_the_end_begins(
    service: Service, served_both: Callable[[Service], list[Server]], measured: Measured
) -> None:
    # Two of the event loop's own ticks, however busy the machine.
    limit = 0.1

    def failing(server: Server) -> Outcome:
        with httpx2.Client(base_url=server.admin_url) as probe:
            assert probe.get("/readyz").status_code == 200
            server.signal(signal.SIGTERM)
            began = time.perf_counter()
            try:
                while (code := probe.get("/readyz").status_code) == 200:
                    pass
            except httpx2.HTTPError:
                code = 0
            return Outcome(code, time.perf_counter() - began)

    ours, plain = map(failing, served_both(service.given(APP_SHUTDOWN__DRAIN=str(DRAIN))))
    measured(1, "SIGTERM, as a probe sees it", f"not ready within {limit:g} s", ours=str(ours), plain=str(plain))
    assert ours.status == 503
    assert ours.seconds < limit


def test_a_request_that_is_half_sent_at_the_end_is_answered(service: Service, tmp_path: Path) -> None:
    async def ask(server: Server) -> Answer:
        async with connected(server) as connection:
            connection.send(b"GET /v1/items HTTP/1.1\r\nHo")
            # Another connection's answer comes only after the first one's bytes were read.
            async with connected(server) as other:
                other.request("/v1/items")
                await other.answer()
            server.signal(signal.SIGTERM)
            await asyncio.to_thread(until, lambda: server.logged(message="Shutting down"), "the end of the drain")
            connection.send(b"st: test\r\n\r\n")
            return await connection.answer()

    with service.served(tmp_path / "log") as server:
        answer = asyncio.run(ask(server))
    assert answer.status == 200
    assert answer.closes


def test_a_request_that_outlasts_the_end_is_told_so(service: Service, tmp_path: Path) -> None:
    async def ask(server: Server) -> Answer:
        async with connected(server) as connection:
            connection.request("/test/slow/60")
            await asyncio.to_thread(until, lambda: server.metric("http_server_active_requests") == 1, "the request")
            server.signal(signal.SIGTERM)
            return await connection.answer()

    variables = {"APP_SHUTDOWN__REQUESTS": "0.2", "APP_HTTP__REQUEST_TIMEOUT": "120"}
    with service.given(**variables).faulty().served(tmp_path / "log") as server:
        answer = asyncio.run(ask(server))
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.closes


def test_a_second_signal_skips_the_wait(service: Service, tmp_path: Path) -> None:
    with service.given(APP_SHUTDOWN__DRAIN="3600").served(tmp_path / "log") as server:
        server.signal(signal.SIGTERM)
        until(lambda: server.admin("/readyz").status_code == 503, "the drain")
        server.end()


def test_signals_that_come_until_the_very_end_are_no_error(service: Service, tmp_path: Path) -> None:
    with service.served(tmp_path / "log") as server:
        while server.process.poll() is None:
            server.signal(signal.SIGTERM)
            server.signal(signal.SIGINT)
            time.sleep(0.0005)
        assert server.process.returncode == 0

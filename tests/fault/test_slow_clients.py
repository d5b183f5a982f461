"""The tenth of the twelve: clients that send slowly, too much, or nothing, and such as vanish. As measured."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from support.outcomes import GIVEN_UP, Outcome
from support.process import Server, Service, until
from support.resilience import Measured
from support.wire import Connection, connected

HEADERS, BODY, REQUEST = 2.0, 2.0, 6.0
"""Seconds that the service is told to allow, shorter than by default so that the test is."""
GRACE = 1.0
LIMIT = 1_048_576
"""Bytes of a body, by the default of the settings."""
RESETS = 10_000


async def send_nothing(connection: Connection) -> None:
    pass


async def send_half_of_the_headers(connection: Connection) -> None:
    connection.send(b"GET /v1/items HTTP/1.1\r\nHo")


async def send_one_byte_after_an_answer(connection: Connection) -> None:
    connection.request("/v1/items")
    assert (await connection.answer()).status == 200
    connection.send(b"G")


async def let_the_body_drip(connection: Connection) -> None:
    connection.request("/test/echo", "Content-Length: 100000", method="POST")
    with contextlib.suppress(ConnectionError):
        while not connection.closed_by_peer:
            connection.send(b"x")
            await asyncio.sleep(0.2)


async def send_chunks_beyond_the_limit(connection: Connection) -> None:
    connection.request("/test/echo", "Transfer-Encoding: chunked", method="POST")
    for _ in range(2 * LIMIT // 0x4000):
        connection.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        await asyncio.sleep(0)
    connection.send(b"0\r\n\r\n")


Client = Callable[[Connection], Awaitable[None]]
CLIENTS: list[tuple[str, Client, int, float]] = [
    ("a client connects and sends nothing", send_nothing, 0, HEADERS),
    ("a client sends half of its headers", send_half_of_the_headers, 408, HEADERS),
    ("a client sends one byte after an answer", send_one_byte_after_an_answer, 408, HEADERS),
    ("a client's body comes byte by byte", let_the_body_drip, 408, REQUEST),
    ("a client sends twice the body's limit in chunks", send_chunks_beyond_the_limit, 413, BODY),
]


async def end_of(server: Server, client: Client) -> Outcome:
    loop = asyncio.get_running_loop()
    async with connected(server) as connection:
        began = loop.time()
        sending = asyncio.ensure_future(client(connection))
        if client is send_one_byte_after_an_answer:
            await sending
            began = loop.time()
        try:
            async with asyncio.timeout(GIVEN_UP):
                answer = await connection.answer()
                outcome = Outcome(answer.status, loop.time() - began, answer.headers.get("content-type", ""))
        except TimeoutError:
            outcome = Outcome(0, GIVEN_UP)
        except (EOFError, ConnectionError):
            outcome = Outcome(0, loop.time() - began)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await sending
        return outcome


def test_a_slow_client_is_told_so_or_closed_in_time(
    service: Service, served_both: Callable[[Service], list[Server]], measured: Measured
) -> None:
    limits = {"HEADER_TIMEOUT": HEADERS, "BODY_TIMEOUT": BODY, "REQUEST_TIMEOUT": REQUEST}
    service = service.given(**{f"APP_HTTP__{name}": str(seconds) for name, seconds in limits.items()})
    both = served_both(service.faulty())

    async def ends() -> list[Outcome]:
        return await asyncio.gather(*(end_of(server, client) for _, client, _, _ in CLIENTS for server in both))

    outcomes = asyncio.run(ends())
    for (fault, _, status, limit), ours, plain in zip(CLIENTS, outcomes[::2], outcomes[1::2], strict=True):
        what = f"{status}, a problem," if status else "closed"
        pass_line = f"{what} within {limit + GRACE:g} s (its limit is set to {limit:g} s)"
        measured(10, fault, pass_line, ours=str(ours), plain=str(plain))
        assert ours.status == status, fault
        assert ours.seconds <= limit + GRACE, fault
        assert ours.text == ("application/problem+json" if status else ""), fault


def descriptors(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def memory(server: Server) -> float:
    """Return the resident memory in MiB."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * 4096 / 2**20


async def vanish(server: Server, times: int) -> None:
    """Ask, take the answer and reset the connection, so many times."""

    async def client(share: int) -> None:
        for _ in range(share):
            async with connected(server) as connection:
                connection.request("/test/slow/0")
                assert (await connection.answer()).status == 200
                connection.reset()

    await asyncio.gather(*(client(times // 20) for _ in range(20)))


def test_connections_that_are_reset_leave_nothing(
    service: Service, served_both: Callable[[Service], list[Server]], measured: Measured
) -> None:
    growth = 10
    results = []
    for server in served_both(service.faulty()):
        asyncio.run(vanish(server, RESETS // 5))
        before = descriptors(server), memory(server)
        asyncio.run(vanish(server, RESETS))
        with contextlib.suppress(TimeoutError):
            until(lambda server=server, before=before: descriptors(server) <= before[0], "closed ones", GIVEN_UP)  # type: ignore[misc]
        results.append((descriptors(server) - before[0], memory(server) - before[1]))
    ours, plain = (f"{left:+d} descriptors, {more:+.1f} MiB" for left, more in results)
    pass_line = f"no descriptor left, less than {growth} MiB more"
    measured(10, f"{RESETS:,} clients reset the connection after the answer", pass_line, ours=ours, plain=plain)
    left, more = results[0]
    assert left <= 0
    assert more < growth

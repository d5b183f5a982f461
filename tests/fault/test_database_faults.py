"""The seventh of the twelve: PostgreSQL that is silent, refuses, fails over, or has no connection left. As measured."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import pytest

from support.outcomes import Outcome, ask, at_once, counted, new_item
from support.process import Server, Service, until
from support.resilience import Measured
from support.servers import Network, Running, sql
from support.wire import connected

IN_TIME = 2.5
"""Seconds within which a database that is not there is a 503."""
STATEMENT = 5.0
"""Seconds that a statement may take, by the default of the settings."""
IDLE = 1.1
"""Seconds after which the pool asks a connection whether it still lives."""
POOL, PLAIN_POOL = 10, 15
"""Connections that the two keep at most, by their defaults."""

Servers = list[Server]


@pytest.fixture
def database(on_postgresql: Service) -> str:
    return on_postgresql.variable("DATABASE_URL").rpartition("/")[2]


@pytest.fixture
def way(breakable_postgresql: Running, network: Callable[[str], Network]) -> Network:
    return network(breakable_postgresql.url)


@pytest.fixture
def both(on_postgresql: Service, way: Network, database: str, served_both: Callable[[Service], Servers]) -> Servers:
    """A service of the template and the plain one, on one database, whose network can be broken."""
    # So that it is the pool that is waited for, and not the lock, where both are.
    url = way.url.rpartition("/")[0] + "/" + database
    return served_both(on_postgresql.given(DATABASE_URL=url, APP_DATABASE__LOCK_TIMEOUT=str(STATEMENT + 1)))


def ask_each(servers: Servers) -> list[Outcome]:
    return at_once(*(lambda server=server: ask(f"{server.url}/v1/items") for server in servers))


def check(server: Server, outcome: Outcome, seconds: float = IN_TIME) -> None:
    assert outcome.status == 503, outcome
    assert outcome.seconds <= seconds
    assert '"trace_id"' in outcome.text
    assert server.admin("/livez").status_code == 200
    assert server.process.poll() is None


def answers_again(server: Server) -> None:
    until(lambda: ask(f"{server.url}/v1/items").status == 200, "a good answer after its return")


@pytest.mark.parametrize(
    ("fault", "break_it"),
    [("falls silent", Network.falls_silent), ("refuses connections", Network.is_cut)],
    ids=["silent", "refused"],
)
def test_a_database_that_is_not_there_is_a_503_in_time(
    both: Servers, way: Network, measured: Measured, fault: str, break_it: Callable[[Network], None]
) -> None:
    for server in both:
        new_item(server)
    time.sleep(IDLE)
    break_it(way)
    ours, plain = ask_each(both)
    way.mend()
    measured(7, f"PostgreSQL {fault}", f"503 within {IN_TIME:g} s, alive", ours=str(ours), plain=str(plain))
    check(both[0], ours)
    answers_again(both[0])


def test_a_database_that_falls_silent_at_work_is_a_503_once_the_statement_is_overdue(
    both: Servers, way: Network, measured: Measured
) -> None:
    for server in both:
        new_item(server)
    assert [outcome.status for outcome in ask_each(both)] == [200, 200]
    way.falls_silent()
    ours, plain = ask_each(both)
    way.mend()
    limit = STATEMENT + 1
    pass_line = f"503 within {limit:g} s, alive"
    measured(7, "PostgreSQL falls silent on a connection in use", pass_line, ours=str(ours), plain=str(plain))
    check(both[0], ours, limit)
    answers_again(both[0])


@pytest.mark.parametrize("how", ["ends every connection", "restarts"])
def test_the_first_requests_after_a_failover_are_answered(
    both: Servers, breakable_postgresql: Running, database: str, measured: Measured, how: str
) -> None:
    at = 8
    for server in both:
        new_item(server)
        # As many connections as there will be requests.
        at_once(*[lambda url=f"{server.url}/v1/items": ask(url)] * at)
    time.sleep(IDLE)
    if how == "restarts":
        breakable_postgresql.stop()
        breakable_postgresql.mend()
    else:
        sql(breakable_postgresql, terminate(database))
    ours, plain = (at_once(*[lambda url=f"{server.url}/v1/items": ask(url)] * at) for server in both)
    measured(7, f"PostgreSQL {how}", f"the next {at} requests at once: 200", ours=counted(ours), plain=counted(plain))
    assert {outcome.status for outcome in ours} == {200}


def terminate(database: str) -> str:
    return f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}'"


@contextmanager
def locked(server: Running, database: str) -> Iterator[None]:
    """Lock the tables of both, so that whoever asks for an item keeps a connection."""
    statement = "BEGIN; LOCK TABLE item, plainitem IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3600)"
    url = server.url.rpartition("/")[0] + "/" + database
    process = subprocess.Popen(["psql", "--no-psqlrc", "-qAt", url, "-c", statement], stderr=subprocess.DEVNULL)
    try:
        granted = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
        until(lambda: int(sql(server, granted)) >= 2, "the lock")
        yield
    finally:
        sql(server, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)'")
        process.wait()


def test_a_pool_without_a_free_connection_is_a_503_in_time(
    both: Servers, breakable_postgresql: Running, database: str, measured: Measured
) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessShareLock' AND NOT granted"
    with ExitStack() as closing, locked(breakable_postgresql, database):
        for server, connections in zip(both, (POOL, PLAIN_POOL), strict=True):
            for _ in range(connections):
                thread = Thread(target=ask, args=[f"{server.url}/v1/items"])
                thread.start()
                closing.callback(thread.join)
        # The health check may have one of ours for a moment.
        until(lambda: int(sql(breakable_postgresql, waiting)) >= POOL + PLAIN_POOL - 1, "all connections to be taken")
        ours, plain = ask_each(both)
    pass_line = f"503 within {IN_TIME:g} s, alive"
    measured(7, "every connection of the pool is in use", pass_line, ours=str(ours), plain=str(plain))
    check(both[0], ours)
    answers_again(both[0])


async def leave(server: Server, clients: int) -> None:
    """Ask with so many clients, each of which has gone before it is answered: half of them by a reset."""

    async def client(number: int) -> None:
        async with connected(server) as connection:
            connection.request("/v1/items")
            await asyncio.sleep(0.001 * number)
            if number % 2:
                connection.reset()

    await asyncio.gather(*(client(number) for number in range(clients)))


def test_clients_that_have_gone_leave_no_connection_behind(
    both: Servers, way: Network, breakable_postgresql: Running, database: str, measured: Measured
) -> None:
    clients, limit = 200, 10.0
    way.has("latency", latency=50)

    def busy(server: Server) -> int:
        whose = "=" if server is both[1] else "<>"
        return int(
            sql(
                breakable_postgresql,
                f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND application_name {whose} ''"
                " AND state <> 'idle'",
            )
        )

    def left_busy(server: Server) -> int:
        try:
            until(lambda: busy(server) == 0, "idle connections", limit)
        except TimeoutError:
            return busy(server)
        # Asked once more, a health check might be using one.
        return 0

    held = []
    for server in both:
        new_item(server)
        asyncio.run(leave(server, clients))
        held.append(left_busy(server))
    way.mend()
    ours, plain = (f"{left} held" for left in held)
    measured(7, f"{clients} clients leave before the answer", "no connection stays in use", ours=ours, plain=plain)
    assert held[0] == 0
    until(lambda: both[0].metric("db_client_connection_count", state="used") == 0, "a pool with none in use")
    assert ask(f"{both[0].url}/v1/items").status == 200


def test_no_value_is_in_the_log_of_a_statement_that_failed(
    both: Servers, way: Network, measured: Measured, tmp_path: Path
) -> None:
    canary = "canary-in-a-parameter"
    for server in both:
        new_item(server)
    way.is_cut()
    asked = [lambda server=server: ask(f"{server.url}/v1/items", "POST", json={"name": canary}) for server in both]
    assert {outcome.status for outcome in at_once(*asked)} == {503, 500}
    way.mend()
    logs = [(tmp_path / name).read_text() for name in ("ours", "plain")]
    ours, plain = (f"{log.count(canary)} times" for log in logs)
    measured(7, "a write to a PostgreSQL that is gone", "its values are in no log", ours=ours, plain=plain)
    assert canary not in logs[0]


@pytest.mark.parametrize(
    ("fault", "toxic", "attributes", "expected", "seconds"),
    [
        ("resets its connections", "reset_peer", {"timeout": 0}, 503, IN_TIME),
        ("is far away: 300 ms more for each answer", "latency", {"latency": 300}, 200, IN_TIME),
        ("sends one KB a second", "bandwidth", {"rate": 1}, 200, STATEMENT + 1),
        ("is slow to close", "slow_close", {"delay": 5000}, 200, 1.0),
    ],
    ids=["reset", "latency", "bandwidth", "slow close"],
)
def test_a_network_that_is_bad_is_no_error_of_ours(
    both: Servers,
    way: Network,
    measured: Measured,
    fault: str,
    toxic: str,
    attributes: dict[str, int],
    expected: int,
    seconds: float,
) -> None:
    for server in both:
        new_item(server)
    way.has(toxic, **attributes)
    ours, plain = ask_each(both)
    way.mend()
    measured(7, f"PostgreSQL {fault}", f"{expected} within {seconds:g} s", ours=str(ours), plain=str(plain))
    assert ours.status == expected, ours
    assert ours.seconds <= seconds
    answers_again(both[0])

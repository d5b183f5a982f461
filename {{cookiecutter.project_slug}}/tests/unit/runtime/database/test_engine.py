# The template's: later versions change this file. Yours are listed in pyproject.toml.
import asyncio
import gc
import logging
from collections.abc import Callable
from math import inf
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError, OperationalError

from {{ cookiecutter.__package }}.runtime.database import (
    postgresql,
)
from {{ cookiecutter.__package }}.runtime.database.engine import (
    Database,
)
from {{ cookiecutter.__package }}.runtime.database.errors import (
    problem_for,
)
from {{ cookiecutter.__package }}.runtime.observability.lines import (
    JsonFormatter,
)
from {{ cookiecutter.__package }}.runtime.sections import (
    DatabaseSettings,
)

from support.tables import Counter, counted

OpenDatabase = Callable[..., Database]
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

WITHIN = 10
"""Seconds in which what is bounded must end. Left to their own defaults, the drivers take two minutes and more."""


def status_for(error: BaseException) -> int | None:
    problem = problem_for(error)
    return problem.status_code if problem else None


async def scalar(database: Database, statement: str) -> Any:
    async with database.write_session() as session:
        return (await session.execute(text(statement))).scalar_one()


async def connection_error(url: str) -> OperationalError:
    database = Database(DatabaseSettings(connect_timeout=0.2), lambda: url, "test")
    async with asyncio.timeout(WITHIN):
        with pytest.raises(OperationalError) as caught:
            await database.ping()
    await database.close()
    return caught.value


async def test_a_silent_host_is_given_up_in_time(silent_port: int) -> None:
    error = await connection_error(f"postgresql://user@127.0.0.1:{silent_port}/name")
    assert isinstance(error.orig, psycopg.errors.ConnectionTimeout)
    assert status_for(error) == 503


async def test_all_addresses_of_a_host_share_one_limit(silent_port: int) -> None:
    # libpq and psycopg bound each by itself, and by no less than 2 seconds.
    hosts = "&".join(f"host=127.0.0.{number}:{silent_port}" for number in [1] * 2 * WITHIN)
    assert status_for(await connection_error(f"postgresql://user@/name?{hosts}")) == 503


async def test_a_name_that_is_not_resolved_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    assert status_for(await connection_error("postgresql://user@database.example/name")) == 503


def test_by_default_a_database_that_is_not_there_is_known_within_two_seconds_and_a_half() -> None:
    defaults = DatabaseSettings()
    assert postgresql.PING_TIMEOUT + defaults.connect_timeout < 2.5
    assert defaults.pool_timeout < 2.5


async def test_a_closed_port_is_a_503() -> None:
    assert status_for(await connection_error("postgresql://user@127.0.0.1:1/name")) == 503


@on_postgresql
async def test_a_long_statement_is_ended_by_the_server(open_database: OpenDatabase) -> None:
    database = open_database(statement_timeout=0.05)
    with pytest.raises(OperationalError) as caught:
        await scalar(database, "SELECT pg_sleep(60)")
    assert isinstance(caught.value.orig, psycopg.errors.QueryCanceled)
    assert status_for(caught.value) == 503


@on_postgresql
async def test_an_answer_that_does_not_come_is_waited_for_in_bounds(
    open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with a server that falls silent, nothing but this process can end the wait.
    monkeypatch.setattr(postgresql, "ANSWER_GRACE", 0.05 - 3600)
    database = open_database(statement_timeout=3600)
    async with asyncio.timeout(WITHIN):
        with pytest.raises(OperationalError) as caught:
            await scalar(database, "SELECT pg_sleep(20)")
    assert caught.value.connection_invalidated
    assert status_for(caught.value) == 503
    # What the server may still say to the first statement is not taken for the answer to this one.
    assert await scalar(database, "SELECT 42") == 42


async def end_connections(database: Database, url: str) -> None:
    pid = await scalar(database, "SELECT pg_backend_pid()")
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


@on_postgresql
async def test_a_connection_that_died_idle_is_replaced_unnoticed(
    open_database: OpenDatabase, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "IDLE", -1)
    database = open_database()
    await end_connections(database, database_url)
    assert await scalar(database, "SELECT 42") == 42


@on_postgresql
async def test_a_connection_that_died_in_use_is_a_503_once(
    open_database: OpenDatabase, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "IDLE", inf)
    database = open_database()
    await end_connections(database, database_url)
    with pytest.raises(DBAPIError) as caught:
        await scalar(database, "SELECT 42")
    assert status_for(caught.value) == 503
    assert await scalar(database, "SELECT 42") == 42


@on_postgresql
async def test_new_connections_take_the_credentials_of_now_and_the_log_masks_them(database_url: str) -> None:
    role = f"test_{uuid4().hex}"
    url = database_url
    database = Database(DatabaseSettings(), lambda: url, "test")
    before = await scalar(database, "SELECT current_user")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'can:ary'")
        scheme, _, rest = database_url.partition("://")
        url = f"{scheme}://{role}:can%3Aary@{rest.rpartition('@')[2]}"
        assert await scalar(database, "SELECT current_user") == before
        await end_connections(database, database_url)
        with pytest.raises(DBAPIError):
            await scalar(database, "SELECT 1")
        assert await scalar(database, "SELECT current_user") == role
        await database.close()
        admin.execute(f"DROP ROLE {role}")
    record = logging.makeLogRecord({"msg": "can:ary can%3Aary"})
    assert "ary" not in JsonFormatter("service", "1").format(record)


# aiosqlite leaves a connection that is abandoned while it opens to be closed by the collector.
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
async def test_abandoned_requests_leak_no_connection_and_no_lock(database: Database) -> None:
    async def increment() -> None:
        async with database.write_session() as session:
            counter = await session.get_one(Counter, 1)
            counter.value += 1
            await session.flush()
            await session.rollback()

    pool: Any = database.engine.pool
    # At each point where the request waits, and on new connections as on old ones.
    for steps in range(60):
        task = asyncio.create_task(increment())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert pool.checkedout() == 0, steps
    async with asyncio.timeout(WITHIN):
        await increment()
    async with database.read_session() as session:
        assert await counted(session) == 0
    del task
    gc.collect()


@on_postgresql
async def test_an_abandoned_statement_is_ended_on_the_server(database: Database) -> None:
    task = asyncio.create_task(scalar(database, "SELECT 1 FROM pg_sleep(60)"))

    async def until_active(expected: int) -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active'"
        async with asyncio.timeout(WITHIN):
            while await scalar(database, query) != expected:
                pass

    await until_active(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until_active(0)


@on_postgresql
async def test_an_error_repeats_no_value(database: Database) -> None:
    async with database.write_session() as session:
        with pytest.raises(DBAPIError) as caught:
            await session.execute(insert(Counter).values(id=1, value=0, version=1))
    assert "duplicate key" in str(caught.value)
    assert "Key (id)" not in str(caught.value)


@on_postgresql
async def test_a_value_that_is_wrong_is_not_repeated_either(database: Database) -> None:
    async with database.read_session() as session:
        with pytest.raises(DBAPIError) as caught:
            await session.execute(text("SELECT CAST(CAST(:wanted AS text) AS integer)"), {"wanted": "a-canary"})
    assert "InvalidTextRepresentation" in str(caught.value)
    assert "canary" not in str(caught.value)

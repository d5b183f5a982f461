# The template's: later versions change this file. Yours are listed in pyproject.toml.
import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, TimeoutError

from {{ cookiecutter.__package }}.runtime.database.engine import (
    Database,
)
from {{ cookiecutter.__package }}.runtime.database.errors import (
    problem_for,
)
from {{ cookiecutter.__package }}.runtime.sections import (
    DatabaseSettings,
)

from support.turns import order_of_service

OpenDatabase = Callable[..., Database]

WITHIN = 10
"""Seconds in which what is bounded must end."""


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"db_client_connection_{name}", labels) or 0


async def test_an_exhausted_pool_is_a_503_and_counted(open_database: OpenDatabase) -> None:
    database = open_database(pool_size=1, pool_timeout=0.05)
    timeouts, waits = sample("timeouts_total"), sample("wait_time_seconds_count")
    async with database.write_session() as session:
        await session.execute(text("SELECT 1"))
        assert sample("count", state="used") == 1
        async with asyncio.timeout(WITHIN):
            with pytest.raises(TimeoutError) as caught:
                await database.ping()
    problem = problem_for(caught.value)
    assert problem
    assert problem.status_code == 503
    assert sample("timeouts_total") == timeouts + 1
    assert sample("wait_time_seconds_count") == waits + 2
    assert sample("count", state="used") == 0
    await database.ping()


async def test_who_waits_is_served_before_who_comes(open_database: OpenDatabase) -> None:
    database = open_database(pool_size=1)
    assert await order_of_service(database.engine) == ["first", "second", "newcomer"]


async def test_who_waits_goes_on_at_once_where_no_connection_could_be_opened(silent_port: int) -> None:
    settings = DatabaseSettings(pool_size=1, connect_timeout=0.05, pool_timeout=3600)
    database = Database(settings, lambda: f"postgresql://user@127.0.0.1:{silent_port}/name", "test")
    async with asyncio.timeout(WITHIN):
        failures = await asyncio.gather(*(database.ping() for _ in range(3)), return_exceptions=True)
    assert [type(failure) for failure in failures] == [OperationalError] * 3
    await database.close()


async def test_who_is_abandoned_as_its_turn_comes_passes_it_on(open_database: OpenDatabase) -> None:
    database = open_database(pool_size=1, pool_timeout=3600)
    holding = database.read_session()
    await holding.execute(text("SELECT 1"))
    waiting = asyncio.create_task(database.ping())
    await asyncio.sleep(0)
    await holding.close()
    waiting.cancel()
    async with asyncio.timeout(WITHIN):
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        await database.ping()


async def test_a_connection_that_is_thrown_away_ends_its_turn(open_database: OpenDatabase) -> None:
    database = open_database(pool_size=1, pool_timeout=3600)
    async with asyncio.timeout(WITHIN):
        for _ in range(3):
            async with database.read_session() as session:
                await session.execute(text("SELECT 1"))
                await session.invalidate()


async def test_bursts_may_have_more_connections_than_are_kept(open_database: OpenDatabase) -> None:
    database = open_database(pool_size=1, max_overflow=2)
    sessions = [database.read_session() for _ in range(3)]
    for session in sessions:
        await session.execute(text("SELECT 1"))
    assert sample("count", state="used") == 3
    for session in sessions:
        await session.close()
    assert (sample("count", state="used"), sample("count", state="idle")) == (0, 1)
    await database.ping()

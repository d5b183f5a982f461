# The template's: later versions change this file. Yours are listed in pyproject.toml.
import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis import Redis as SyncRedis
from redis.exceptions import RedisError

from {{ cookiecutter.__package }}.runtime.cache.client import (
    TracedRedis,
    redis_client,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
)
from {{ cookiecutter.__package }}.runtime.observability.lines import (
    JsonFormatter,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

WITHIN = 10
"""Seconds in which what is bounded must end. With redis-py's defaults, a silent server holds a call for a minute."""


@asynccontextmanager
async def client(url: Callable[[], str], **variables: str) -> AsyncIterator[TracedRedis]:
    environ = {"REDIS_URL": url(), **{f"APP_REDIS__{name.upper()}": value for name, value in variables.items()}}
    client = redis_client(load_settings(Settings, environ), url)
    yield client
    await client.aclose()


async def test_a_silent_server_is_given_up_in_time(silent_port: int) -> None:
    url = f"redis://127.0.0.1:{silent_port}/0"
    async with client(lambda: url, timeout="0.05") as redis, asyncio.timeout(WITHIN):
        with pytest.raises(RedisError):
            await redis.get("key")


async def test_a_closed_port_is_given_up_in_time() -> None:
    async with client(lambda: "redis://127.0.0.1:1/0") as redis, asyncio.timeout(WITHIN):
        with pytest.raises(RedisError):
            await redis.get("key")


async def test_connections_that_were_ended_are_replaced_unnoticed(redis_url: str) -> None:
    async with client(lambda: redis_url) as redis:
        ended = await redis.client_id()
        with SyncRedis.from_url(redis_url) as other:
            other.client_kill_filter(_id=str(ended))
        assert await redis.client_id() != ended


async def test_an_exhausted_pool_is_given_up_in_time(redis_url: str) -> None:
    async with client(lambda: redis_url, max_connections="1", pool_timeout="0.05") as redis:
        held = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        async with asyncio.timeout(WITHIN):
            with pytest.raises(RedisError):
                await redis.get("key")
        await redis.connection_pool.release(held)
        assert await redis.get("key") is None


async def test_an_abandoned_call_leaves_no_answer_for_the_next(redis_url: str) -> None:
    key = uuid4().hex
    async with client(lambda: redis_url, max_connections="1") as redis:
        await redis.set(key, b"value", px=60_000)
        for steps in range(30):
            task = asyncio.ensure_future(redis.get(key))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await redis.exists(key) == 1, steps


@contextmanager
def redis_user(redis_url: str) -> Iterator[Callable[[str], str]]:
    """Yield a function that gives a new user another password, and returns the address with it."""
    name, parts = f"test_{uuid4().hex}", urlsplit(redis_url)
    address = parts.netloc.rpartition("@")[2]
    with SyncRedis.from_url(redis_url) as admin:

        def rotate(password: str) -> str:
            admin.execute_command("ACL", "SETUSER", name, "on", "resetpass", f">{password}", "~*", "+@all")
            return parts._replace(netloc=f"{name}:{password}@{address}").geturl()

        yield rotate
        admin.acl_deluser(name)


async def test_new_connections_take_the_password_of_now_and_the_log_masks_it(redis_url: str) -> None:
    with redis_user(redis_url) as rotate:
        url = rotate("first-canary")
        async with client(lambda: url) as redis:
            await redis.ping()
            stale, url = url, rotate("second-canary")
            with SyncRedis.from_url(redis_url) as admin:
                admin.client_kill_filter(_id=str(await redis.client_id()))
            await redis.ping()
            # The twin: with the old password there is no new connection.
            url = stale
            with SyncRedis.from_url(redis_url) as admin:
                admin.client_kill_filter(_id=str(await redis.client_id()))
            with pytest.raises(RedisError):
                await redis.ping()
    record = logging.makeLogRecord({"msg": "first-canary second-canary"})
    assert "canary" not in JsonFormatter("service", "1").format(record)

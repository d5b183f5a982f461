# The template's: later versions change this file. Yours are listed in pyproject.toml.
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from {{ cookiecutter.__package }}.runtime.cache import (
    breaker,
    cache,
)
from {{ cookiecutter.__package }}.runtime.cache.cache import (
    Backend,
    Cache,
    MemoryBackend,
    RedisBackend,
)

WITHIN = 10
"""Seconds in which what is bounded must end."""


@pytest.fixture(params=["memory", "redis"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    if request.param == "memory":
        yield MemoryBackend()
    else:
        async with Redis.from_url(request.getfixturevalue("redis_url")) as redis:
            yield RedisBackend(redis, uuid4().hex)


def new_cache(backend: Backend, timeout: float = WITHIN, longest_request: float = 60) -> Cache:
    return Cache(backend, timeout, longest_request)


@pytest.fixture
def stored(backend: Backend) -> Cache:
    return new_cache(backend)


class Source:
    """What is cached: counts how often it is asked, and answers when it is told to."""

    def __init__(self, value: bytes = b"value") -> None:
        self.value = value
        self.loads = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.asked = asyncio.Event()

    async def load(self) -> bytes:
        self.loads += 1
        value = self.value
        self.asked.set()
        await self.go_on.wait()
        # Whatever is worth caching comes from afar, and others run meanwhile.
        await asyncio.sleep(0)
        return value


def requests(result: str) -> float:
    return REGISTRY.get_sample_value("cache_requests_total", {"result": result}) or 0


async def test_what_is_stored_is_not_loaded_again(stored: Cache) -> None:
    source, hits, misses = Source(), requests("hit"), requests("miss")
    for _ in range(3):
        assert await stored.get_or_set("key", source.load, ttl=60) == b"value"
    assert source.loads == 1
    assert (requests("hit"), requests("miss")) == (hits + 2, misses + 1)


async def test_a_hundred_misses_at_once_are_one_load(stored: Cache) -> None:
    source = Source()
    source.go_on.clear()
    readers = [asyncio.create_task(stored.get_or_set("key", source.load, ttl=60)) for _ in range(100)]
    await source.asked.wait()
    source.go_on.set()
    assert await asyncio.gather(*readers) == [b"value"] * 100
    assert source.loads == 1


async def test_a_load_that_fails_is_not_stored_and_is_tried_once_more_for_all_who_came_meanwhile(stored: Cache) -> None:
    source = Source()
    source.go_on.clear()

    async def load() -> bytes:
        await source.load()
        raise LookupError

    readers = [asyncio.create_task(stored.get_or_set("key", load, ttl=60)) for _ in range(10)]
    await source.asked.wait()
    await asyncio.sleep(0.05)
    source.go_on.set()
    errors = await asyncio.gather(*readers, return_exceptions=True)
    assert {type(error) for error in errors} == {LookupError}
    assert source.loads == 2
    assert await stored.get_or_set("key", Source(b"new").load, ttl=60) == b"new"


async def test_another_loads_where_the_first_is_cancelled(stored: Cache) -> None:
    source = Source()
    source.go_on.clear()
    first, *others = [asyncio.create_task(stored.get_or_set("key", source.load, ttl=60)) for _ in range(3)]
    await source.asked.wait()
    first.cancel()
    source.go_on.set()
    assert await asyncio.gather(*others) == [b"value"] * 2
    assert source.loads == 2


async def test_a_value_read_before_a_change_is_not_stored_after_it(stored: Cache) -> None:
    source = Source(b"old")
    source.go_on.clear()
    reader = asyncio.create_task(stored.get_or_set("key", source.load, ttl=60))
    await source.asked.wait()
    source.value = b"new"
    await stored.invalidate("key")
    # Who comes after the change does not wait for a load that began before it.
    async with asyncio.timeout(WITHIN):
        assert await stored.get_or_set("key", Source(b"new").load, ttl=60) == b"new"
    source.go_on.set()
    assert await reader == b"old"
    assert await stored.get_or_set("key", Source(b"new").load, ttl=60) == b"new"


async def test_who_comes_while_a_value_is_loaded_does_not_get_that_one(backend: Backend) -> None:
    """It may be older than the call: another replica, with a cache of its own, has changed it meanwhile."""
    here, elsewhere, source = new_cache(backend), new_cache(backend), Source(b"old")
    source.go_on.clear()
    reader = asyncio.create_task(here.get_or_set("key", source.load, ttl=60))
    await source.asked.wait()
    await elsewhere.invalidate("key")
    fresh = Source(b"new")
    later = [asyncio.create_task(here.get_or_set("key", fresh.load, ttl=60)) for _ in range(10)]
    await asyncio.sleep(0)
    source.go_on.set()
    assert await reader == b"old"
    assert await asyncio.gather(*later) == [b"new"] * 10
    assert fresh.loads == 1


async def test_a_value_is_forgotten_before_the_commit_and_after_it(stored: Cache, backend: Backend) -> None:
    async with AsyncSession() as session:
        await backend.put("key", b"old", ttl=60)
        await stored.invalidate_with(session, "key")
        assert await backend.get("key") == cache.TOMBSTONE
        await backend.put("key", b"old", ttl=60)
        (callback,) = session.info["after_commit"]
        await callback()
        assert await backend.get("key") == cache.TOMBSTONE


async def test_a_tombstone_lasts_as_long_as_a_request_may() -> None:
    kept: list[float] = []

    class Noting(MemoryBackend):
        async def put(self, key: str, value: bytes, ttl: float) -> None:
            kept.append(ttl)

    await new_cache(Noting(), timeout=1, longest_request=30).invalidate("key")
    assert kept == [31]


async def test_after_a_tombstone_values_are_stored_again(backend: Backend) -> None:
    stored = new_cache(backend, timeout=0.01, longest_request=0.01)
    await stored.invalidate("key")
    source = Source()
    async with asyncio.timeout(WITHIN):
        while not await backend.get("key"):
            await stored.get_or_set("key", source.load, ttl=60)
    loads = source.loads
    await stored.get_or_set("key", source.load, ttl=60)
    assert source.loads == loads


async def test_an_entry_ends(backend: Backend) -> None:
    await backend.put("key", b"value", ttl=0.05)
    await backend.add("key", b"other", ttl=60)
    assert await backend.get("key") in (b"value", None)
    async with asyncio.timeout(WITHIN):
        while await backend.get("key"):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
    await backend.add("key", b"other", ttl=60)
    assert await backend.get("key") == b"other"


async def test_memory_keeps_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MEMORY_ENTRIES", 3)
    memory = MemoryBackend()
    for number in range(5):
        await memory.put(str(number), b"value", ttl=60)
    kept = [number for number in range(5) if await memory.get(str(number))]
    assert len(kept) == 3
    assert 4 in kept


class Broken:
    """A backend in a state of its own: each call does what it is told to."""

    def __init__(self, act: Callable[[], Awaitable[None]]) -> None:
        self.act = act
        self.calls: list[str] = []
        self.lifetimes: list[float] = []

    async def get(self, key: str) -> bytes | None:
        self.calls.append("get")
        await self.act()
        return None

    async def add(self, key: str, value: bytes, ttl: float) -> None:
        self.calls.append("add")
        self.lifetimes.append(ttl)
        await self.act()

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        self.calls.append("put")
        await self.act()


async def works() -> None:
    """Nothing is wrong."""


async def fails() -> None:
    raise IndexError("whatever a client may raise")


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_what_is_stored_together_does_not_end_together() -> None:
    broken = Broken(works)
    for number in range(20):
        await new_cache(broken, timeout=1).get_or_set(str(number), Source().load, ttl=100)
    assert len(set(broken.lifetimes)) == 20
    assert all(90 <= lifetime <= 110 for lifetime in broken.lifetimes)


@pytest.mark.parametrize("act", [fails, hangs])
async def test_a_cache_that_is_broken_is_asked_once_a_request_and_then_left_alone(
    act: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, source = Broken(act), Source()
    stored = new_cache(broken, timeout=0.01)
    errors, bypasses = requests("error"), requests("bypass")
    async with asyncio.timeout(WITHIN):
        for _ in range(breaker.FAILURES + 3):
            assert await stored.get_or_set("key", source.load, ttl=60) == b"value"
        await stored.invalidate("key")
    assert broken.calls == ["get"] * breaker.FAILURES
    assert requests("error") == errors + breaker.FAILURES
    assert requests("bypass") == bypasses + 4
    assert REGISTRY.get_sample_value("cache_circuit_open") == 1
    # When it works again, the first who may try finds out, and the next is served.
    broken.act = works
    monkeypatch.setattr(breaker, "monotonic", lambda: float("inf"))
    await stored.get_or_set("key", source.load, ttl=60)
    assert broken.calls[breaker.FAILURES :] == ["get", "add"]
    assert REGISTRY.get_sample_value("cache_circuit_open") == 0


async def test_an_invalidation_that_fails_fails_no_request() -> None:
    await new_cache(Broken(fails), timeout=1).invalidate("key")

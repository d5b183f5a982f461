"""Own code, since no library both never fails a request and never stampedes: values that may be got again elsewhere."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

from cachetools import TLRUCache
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ..observability import metrics
from .breaker import CircuitBreaker

logger = logging.getLogger(__name__)
T = TypeVar("T")

TOMBSTONE = b""
TOMBSTONE_TTL = 10.0
"""Seconds for which nothing is stored under an invalidated key: longer than a request that read the old value lives."""
MEMORY_ENTRIES = 10_000


class Backend(Protocol):
    async def get(self, key: str) -> bytes | None: ...
    async def add(self, key: str, value: bytes, ttl: float) -> None:
        """Store a value unless the key has one."""

    async def put(self, key: str, value: bytes, ttl: float) -> None: ...


class MemoryBackend:
    """In this process alone: other replicas see a change only when their own entry ends."""

    def __init__(self) -> None:
        self._entries: TLRUCache[str, tuple[bytes, float]] = TLRUCache(
            MEMORY_ENTRIES, lambda _key, entry, now: now + entry[1]
        )

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        return entry[0] if entry else None

    async def add(self, key: str, value: bytes, ttl: float) -> None:
        if key not in self._entries:
            self._entries[key] = (value, ttl)

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        self._entries[key] = (value, ttl)


class RedisBackend:
    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix + ":cache:"

    async def get(self, key: str) -> bytes | None:
        return cast(bytes | None, await self._redis.get(self._prefix + key))

    async def add(self, key: str, value: bytes, ttl: float) -> None:
        await self._redis.set(self._prefix + key, value, px=int(ttl * 1000), nx=True)

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        await self._redis.set(self._prefix + key, value, px=int(ttl * 1000))


class Cache:
    """A dependency that does not answer is a miss, and after some failures is not asked for a while."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._breaker = CircuitBreaker()
        self._loading: dict[str, asyncio.Future[bytes | None]] = {}

    async def get_or_set(self, key: str, load: Callable[[], Awaitable[bytes]], *, ttl: float) -> bytes:
        """Return the stored value, or load and store it for about `ttl` seconds. One load at a time for a key.

        Raises whatever `load` raises, and stores nothing then.
        """
        stored = await self._attempt(self._backend.get(key)) if self._breaker.allows() else None
        if stored:
            metrics.CACHE_REQUESTS.labels("hit").inc()
            return stored
        metrics.CACHE_REQUESTS.labels("miss").inc()
        while (loading := self._loading.get(key)) is not None:
            # A leader that failed or was cancelled leaves None; then somebody else leads.
            if (value := await asyncio.shield(loading)) is not None:
                return value
        return await self._lead(key, load, ttl)

    async def _lead(self, key: str, load: Callable[[], Awaitable[bytes]], ttl: float) -> bytes:
        future = self._loading[key] = asyncio.get_running_loop().create_future()
        value: bytes | None = None
        try:
            value = await load()
        finally:
            del self._loading[key]
            future.set_result(value)
        if self._breaker.allows():
            # Spread the ends, so that what was stored together is not loaded together again.
            await self._attempt(self._backend.add(key, value, ttl * random.uniform(0.9, 1.1)))  # noqa: S311
        return value

    async def invalidate(self, key: str) -> None:
        """Forget a value after it was changed, and refuse what readers that began before may still want to store."""
        if self._breaker.allows():
            await self._attempt(self._backend.put(key, TOMBSTONE, TOMBSTONE_TTL))

    async def _attempt(self, call: Awaitable[T]) -> T | None:
        try:
            result = await call
        except (RedisError, OSError, TimeoutError) as error:
            self._breaker.failed()
            metrics.CACHE_REQUESTS.labels("error").inc()
            logger.warning("The cache does not answer: %s", type(error).__name__)
            return None
        self._breaker.succeeded()
        return result

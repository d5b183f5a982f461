# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since no library both never fails a request and never stampedes: values that may be got again elsewhere."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from cachetools import TLRUCache
from sqlalchemy.ext.asyncio import AsyncSession

from ..database.session import after_commit
from ..observability import metrics
from .breaker import CircuitBreaker

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger = logging.getLogger(__name__)
T = TypeVar("T")

TOMBSTONE = b""
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
    """A dependency that does not answer is a miss, and after some failures is not asked for a while.

    `timeout` is what it may cost a request, in seconds: reconnecting and trying again included. After a change
    nothing is stored for that and `longest_request` seconds: who has read the old value may still be on the way.
    """

    def __init__(self, backend: Backend, timeout: float, longest_request: float) -> None:
        self._backend = backend
        self._timeout = timeout
        self._tombstone_ttl = longest_request + timeout
        self._breaker = CircuitBreaker(metrics.CIRCUIT_OPEN)
        self._leaders: dict[str, asyncio.Future[bytes | None]] = {}

    async def get_or_set(self, key: str, load: Callable[[], Awaitable[bytes]], *, ttl: float) -> bytes:
        """Return the stored value, or load and store it for about `ttl` seconds. One does that at a time for a key.

        The value is no older than the call: all who come while one is loaded wait, and share the next.

        Raises whatever `load` raises, to all who wait for it, and stores nothing then.
        """
        if (under_way := self._leaders.get(key)) is not None:
            # It may have read what another replica has changed since, as this caller may know: so take no part in it.
            await asyncio.wait([under_way])
        while (leader := self._leaders.get(key)) is not None:
            # One that was cancelled leaves None; then somebody else leads.
            if (value := await asyncio.shield(leader)) is not None:
                metrics.CACHE_REQUESTS.labels("joined").inc()
                return value
        future = self._leaders[key] = asyncio.get_running_loop().create_future()
        try:
            value = await self._get_or_load(key, load, ttl)
        except Exception as error:
            future.set_exception(error)
            future.exception()  # else asyncio complains where nobody waits for it
            raise
        else:
            future.set_result(value)
            return value
        finally:
            if not future.done():
                future.set_result(None)
            if self._leaders.get(key) is future:
                del self._leaders[key]

    async def _get_or_load(self, key: str, load: Callable[[], Awaitable[bytes]], ttl: float) -> bytes:
        answered, stored = await self._attempt(lambda: self._backend.get(key))
        if stored:
            metrics.CACHE_REQUESTS.labels("hit").inc()
            return stored
        value = await load()
        if answered:
            metrics.CACHE_REQUESTS.labels("miss").inc()
            # Spread the ends, so that what was stored together is not loaded together again.
            lifetime = ttl * random.uniform(0.9, 1.1)  # nosec B311 # noqa: S311 - guards nothing
            await self._attempt(lambda: self._backend.add(key, value, lifetime))
        return value

    async def invalidate(self, key: str) -> None:
        """Forget a value after it was changed, and refuse what readers that began before may still want to store.

        A cache that can't be reached keeps the old value until its `ttl` ends.
        """
        # Who comes from now on must not take what was read before the change.
        self._leaders.pop(key, None)
        await self._attempt(lambda: self._backend.put(key, TOMBSTONE, self._tombstone_ttl))

    async def invalidate_with(self, session: AsyncSession, key: str) -> None:
        """Forget a value that the session's transaction changes.

        Before the commit, so that nobody who has seen the new value elsewhere is given the old one; and after it, for
        what was read until then.
        """
        await self.invalidate(key)
        after_commit(session, lambda: self.invalidate(key))

    async def _attempt(self, call: Callable[[], Awaitable[T]]) -> tuple[bool, T | None]:
        """Call the backend, unless it is left alone; return whether it answered, and what."""
        if not self._breaker.allows():
            metrics.CACHE_REQUESTS.labels("bypass").inc()
            return False, None
        try:
            async with asyncio.timeout(self._timeout):
                result = await call()
        except Exception as error:  # noqa: BLE001 - whatever a cache raises, the request goes on without it
            self._breaker.failed()
            metrics.CACHE_REQUESTS.labels("error").inc()
            logger.warning("The cache does not answer: %s", type(error).__name__)
            return False, None
        self._breaker.succeeded()
        return True, result

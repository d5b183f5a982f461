# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""How many requests a client has, by Redis' count, by this process' own, and from one to the other and back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from redis import Redis as SyncRedis

from {{ cookiecutter.__package }}.runtime.cache import (
    breaker,
)
from {{ cookiecutter.__package }}.runtime.cache.client import (
    TracedRedis,
    redis_client,
)
from {{ cookiecutter.__package }}.runtime.http import (
    rate_limit,
)
from {{ cookiecutter.__package }}.runtime.http.rate_limit import (
    RateLimiter,
    Verdict,
    client_of,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
)
from {{ cookiecutter.__package }}.runtime.sections import (
    RateLimitSettings,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

QUOTA = 5
LONG = 36_000
"""Seconds of a window in which nothing comes back while a test lasts."""
HERE = "192.0.2.1"
NewLimiter = Callable[..., RateLimiter]


def client(url: str) -> TracedRedis:
    return redis_client(load_settings(Settings, {"REDIS_URL": url, "APP_REDIS__TIMEOUT": "0.05"}), lambda: url)


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


@pytest.fixture
def alone(prefix: str) -> NewLimiter:
    def alone(requests: int = QUOTA, window: int = LONG) -> RateLimiter:
        return RateLimiter(RateLimitSettings(window=window), requests, None, prefix, 1)

    return alone


@pytest.fixture
async def shared(redis_url: str, prefix: str) -> AsyncIterator[NewLimiter]:
    """Limiters as of several replicas, with connections of their own."""
    opened = []

    def shared(requests: int = QUOTA, window: int = LONG, url: str = redis_url) -> RateLimiter:
        opened.append(client(url))
        return RateLimiter(RateLimitSettings(window=window), requests, opened[-1], prefix, 1)

    yield shared
    for redis in opened:
        await redis.aclose()


@pytest.fixture(params=["alone", "shared"])
def limiter(request: pytest.FixtureRequest) -> NewLimiter:
    new: NewLimiter = request.getfixturevalue(request.param)
    return new


async def taken(limiter: RateLimiter, count: int, host: str = HERE) -> list[bool]:
    return [(await limiter.take(host)).allowed for _ in range(count)]


def field(verdict: Verdict) -> str:
    return dict(verdict.headers)[b"ratelimit"].decode()


async def test_the_quota_is_allowed_and_no_more(limiter: NewLimiter) -> None:
    assert await taken(limiter(), QUOTA + 2) == [True] * QUOTA + [False] * 2


async def test_of_many_at_once_exactly_the_quota_is_allowed(limiter: NewLimiter) -> None:
    one = limiter(50)
    verdicts = await asyncio.gather(*(one.take(HERE) for _ in range(200)))
    assert sum(verdict.allowed for verdict in verdicts) == 50


@pytest.mark.parametrize(("requests", "window"), [(7, LONG), (7777, 3600), (1, 1), (100_000, 86_400)])
async def test_no_rounding_takes_or_gives_a_request(
    alone: NewLimiter, requests: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "monotonic", lambda: 1234.5678)
    assert sum(await taken(alone(requests, window), requests + 3)) == requests


async def test_one_client_takes_nothing_from_another(limiter: NewLimiter) -> None:
    one = limiter()
    await taken(one, QUOTA + 1)
    assert await taken(one, 1, "192.0.2.2") == [True]


async def test_the_headers_say_what_is_left(limiter: NewLimiter) -> None:
    one = limiter(3, LONG)
    verdicts = [await one.take(HERE) for _ in range(4)]
    assert dict(verdicts[0].headers)[b"ratelimit-policy"] == b'"default";q=3;w=36000'
    assert [field(verdict) for verdict in verdicts] == [
        '"default";r=2;t=12000',
        '"default";r=1;t=24000',
        '"default";r=0;t=36000',
        '"default";r=0;t=36000',
    ]
    assert verdicts[-1].retry_after == 12_000


async def test_what_was_used_comes_back_evenly(alone: NewLimiter, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(rate_limit, "monotonic", lambda: now)
    one = alone(4, 60)
    assert await taken(one, 5) == [True] * 4 + [False]
    wait = (await one.take(HERE)).retry_after
    assert wait == 15
    now += wait - 0.5
    assert await taken(one, 1) == [False]
    now += 0.5
    assert await taken(one, 2) == [True, False]
    now += 60
    assert await taken(one, 5) == [True] * 4 + [False]


async def test_what_was_used_comes_back_in_redis_and_leaves_nothing_there(
    shared: NewLimiter, redis_url: str, prefix: str
) -> None:
    one = shared(2, 1)
    assert await taken(one, 3) == [True, True, False]
    async with asyncio.timeout(20):
        while not (await one.take(HERE)).allowed:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.05)
        with SyncRedis.from_url(redis_url) as redis:
            assert redis.keys(f"{prefix}:rate:*") == [f"{prefix}:rate:{HERE}".encode()]
            while redis.keys(f"{prefix}:rate:*"):  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.05)


async def test_replicas_share_one_count(shared: NewLimiter) -> None:
    one, other = shared(), shared()
    assert await taken(one, 3) + await taken(other, 3) == [True] * QUOTA + [False]


async def test_while_redis_is_away_a_replica_goes_on_from_what_it_knew_and_tells_it_after(
    shared: NewLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = shared(), shared()
    assert await taken(one, 2) == [True] * 2
    script, now = one._script, 0.0
    monkeypatch.setattr(breaker, "monotonic", lambda: now)

    async def fails(keys: object, arguments: object) -> None:
        raise IndexError("whatever a client may raise")

    monkeypatch.setattr(one, "_script", fails)
    assert await taken(one, 4) == [True] * 3 + [False]
    assert REGISTRY.get_sample_value("rate_limit_circuit_open") == 1
    assert await taken(other, 1) == [True]
    monkeypatch.setattr(one, "_script", script)
    now += breaker.OPEN_FOR
    assert await taken(one, 1) == [False]
    assert REGISTRY.get_sample_value("rate_limit_circuit_open") == 0
    assert await taken(other, 1) == [False]
    # The twin: of a client that nobody counted meanwhile, nothing is told.
    assert await taken(other, QUOTA, "192.0.2.2") == [True] * QUOTA


async def test_a_silent_redis_is_waited_for_once(
    silent_port: int, shared: NewLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shared(url=f"redis://127.0.0.1:{silent_port}/0")
    asked = 0
    script = one._script
    assert script is not None

    async def counted(*arguments: object) -> object:
        nonlocal asked
        asked += 1
        return await script(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(one, "_script", counted)
    monkeypatch.setattr(breaker, "monotonic", lambda: 0.0)
    async with asyncio.timeout(10):
        assert await taken(one, QUOTA + 1) == [True] * QUOTA + [False]
    assert asked == 1


async def test_a_flood_of_clients_takes_a_bounded_memory(alone: NewLimiter) -> None:
    one = alone()
    for number in range(3 * rate_limit.MEMORY_CLIENTS):
        await one.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(one._clients) == rate_limit.MEMORY_CLIENTS


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("made up", "unknown"),
        (None, "unknown"),
    ],
)
def test_who_counts_as_one_client(host: str | None, client: str) -> None:
    assert client_of(host) == client

"""A client that asks too often: by the count that replicas share, by a replica's own, and as one becomes the other.

The tests' own address is a proxy's that the service trusts, so that X-Forwarded-For says who a client is.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from uuid import uuid4

import httpx2
import pytest

from support.process import Server, Service, until
from support.servers import Running
from support.wire import Answer, connected

BREAKS = pytest.mark.parametrize("break_it", [Running.fall_silent, Running.stop], ids=["silent", "refused"])
QUOTA = 5
LONG = "36000"
"""Seconds of a window in which nothing comes back while a test lasts."""


@pytest.fixture
def limited(service: Service) -> Service:
    return service.given(
        APP_RATE_LIMIT__REQUESTS=str(QUOTA), APP_RATE_LIMIT__WINDOW=LONG, APP_REDIS__KEY_PREFIX=uuid4().hex
    )


def ask(
    server: Server, forwarded: str = "198.51.100.1", method: str = "GET", path: str = "/v1/items"
) -> httpx2.Response:
    return httpx2.request(method, server.url + path, headers={"X-Forwarded-For": forwarded}, timeout=10)


def statuses(server: Server, count: int, forwarded: str = "198.51.100.1") -> list[int]:
    return [ask(server, forwarded).status_code for _ in range(count)]


def refused(server: Server) -> float:
    return server.metric("requests_refused_total", reason="rate")


def test_one_request_too_many_is_a_problem_that_says_when_to_come_back(limited: Service, tmp_path: Path) -> None:
    with limited.served(tmp_path / "log") as server:
        allowed = [ask(server, method=method) for method in ("GET", "HEAD", "OPTIONS", "GET")]
        allowed.append(ask(server, path="/no-such-path"))
        answer = ask(server)
        assert [each.status_code for each in allowed] == [200, 200, 405, 200, 404]
        assert [each.headers["ratelimit"].partition(";t=")[0] for each in allowed] == [
            f'"default";r={left}' for left in (4, 3, 2, 1, 0)
        ]
        assert {each.headers["ratelimit-policy"] for each in [*allowed, answer]} == {f'"default";q={QUOTA};w={LONG}'}
        assert answer.status_code == 429
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:problem-type:rate"
        assert answer.headers["ratelimit"].startswith('"default";r=0;t=3')
        # A minute is far more than the requests before have taken.
        assert int(LONG) / QUOTA - 60 < int(answer.headers["retry-after"]) <= int(LONG) / QUOTA
        # It is an answer like any other.
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert refused(server) == 1
        line = {"logger": "access", "http_response_status_code": 429, "client_address": "198.51.100.1"}
        until(lambda: server.logged(**line), "the access line")
        # The admin port has no limit.
        assert {server.admin("/livez").status_code for _ in range(QUOTA + 1)} == {200}


def test_without_a_setting_there_is_no_limit(service: Service, tmp_path: Path) -> None:
    with service.served(tmp_path / "log") as server:
        answers = [ask(server) for _ in range(3 * QUOTA)]
    assert {answer.status_code for answer in answers} == {200}
    assert not [answer for answer in answers if "ratelimit" in answer.headers]


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "alone"])
def test_retry_after_is_true(limited: Service, redis_url: str, tmp_path: Path, shared: bool) -> None:
    limited = limited.given(APP_RATE_LIMIT__REQUESTS="2", APP_RATE_LIMIT__WINDOW="6")
    with limited.given(REDIS_URL=redis_url if shared else "").served(tmp_path / "log") as server:
        until(lambda: (answer := ask(server)).status_code == 429 and answer, "a refusal")
        refusal = ask(server)
        began = monotonic()
        wait = int(refusal.headers["retry-after"])
        assert 1 <= wait <= 3
        until(lambda: monotonic() - began >= wait, "the time that it says")
        assert ask(server).status_code == 200


def test_a_body_that_is_refused_is_not_read(limited: Service, tmp_path: Path) -> None:
    async def run(server: Server) -> Answer:
        async with connected(server) as connection:
            connection.request("/v1/items", "X-Forwarded-For: 198.51.100.1", "Content-Length: 900", method="POST")
            return await asyncio.wait_for(connection.answer(), 10)

    with limited.served(tmp_path / "log") as server:
        statuses(server, QUOTA)
        assert asyncio.run(run(server)).status == 429


def test_two_clients_do_not_disturb_each_other(limited: Service, tmp_path: Path) -> None:
    with limited.served(tmp_path / "log") as server:
        assert statuses(server, QUOTA + 1, "198.51.100.1") == [200] * QUOTA + [429]
        assert statuses(server, QUOTA + 1, "198.51.100.2") == [200] * QUOTA + [429]
        # A customer's network is one, however many addresses it has.
        assert [ask(server, f"2001:db8::{number}").status_code for number in range(6)] == [200] * QUOTA + [429]
        assert ask(server, "2001:db8:0:1::1").status_code == 200


def test_who_makes_addresses_up_evades_nothing(limited: Service, tmp_path: Path) -> None:
    with limited.served(tmp_path / "log") as server:
        made_up = [ask(server, f"203.0.113.{number}, 198.51.100.1").status_code for number in range(QUOTA + 1)]
        no_address = [ask(server, uuid4().hex).status_code for _ in range(QUOTA + 1)]
    assert made_up == no_address == [200] * QUOTA + [429]
    # Nor where nobody is trusted.
    with limited.given(APP_HTTP__FORWARDED_ALLOW_IPS="10.0.0.0/8").served(tmp_path / "other") as server:
        untrusted = [ask(server, f"203.0.113.{number}").status_code for number in range(QUOTA + 1)]
    assert untrusted == [200] * QUOTA + [429]


def test_two_replicas_share_one_limit(limited: Service, redis_url: str, tmp_path: Path) -> None:
    limited = limited.given(REDIS_URL=redis_url)
    with limited.served(tmp_path / "one") as one, limited.served(tmp_path / "other") as other:
        assert statuses(one, 3) + statuses(other, 3) == [200] * QUOTA + [429]
        assert statuses(one, 1) == [429]
        # The twin: without Redis each has its own.
    alone = limited.given(REDIS_URL="")
    with alone.served(tmp_path / "one") as one, alone.served(tmp_path / "other") as other:
        assert statuses(one, 3) + statuses(other, 3) == [200] * 6


@BREAKS
def test_without_redis_each_replica_goes_on_alone_and_tells_it_later(
    limited: Service, breakable_redis: Running, tmp_path: Path, break_it: Callable[[Running], None]
) -> None:
    limited = limited.given(REDIS_URL=breakable_redis.url)
    with limited.served(tmp_path / "one") as one, limited.served(tmp_path / "other") as other:
        assert statuses(one, 2) == [200] * 2
        break_it(breakable_redis)
        # From what it knew: not the whole quota anew.
        assert statuses(one, 4) == [200] * 3 + [429]
        assert one.metric("rate_limit_circuit_open") == 1
        # The other heard of none of them.
        assert statuses(other, QUOTA + 1) == [200] * QUOTA + [429]
        # Most of them have not waited for Redis: one has, and one each time that it is tried.
        fast = one.metric("http_server_request_duration_seconds_bucket", http_route="/v1/items", le="0.25")
        assert one.metric("http_server_request_duration_seconds_count", http_route="/v1/items") - fast <= 2
        breakable_redis.mend()

        def is_back(server: Server) -> bool:
            assert ask(server).status_code == 429
            return server.metric("rate_limit_circuit_open") == 0

        until(lambda: is_back(one), "Redis to be asked again")
        until(lambda: is_back(other), "Redis to be asked again")
        new = "198.51.100.9"
        assert statuses(one, 3, new) + statuses(other, 3, new) == [200] * QUOTA + [429]


async def burst(server: Server, count: int, at_once: int) -> Counter[int]:
    """Send requests of addresses 10.0.0.0, 10.0.0.1 and so on, over a few connections; return the answers' statuses."""
    found: Counter[int] = Counter()

    async def client(numbers: range) -> None:
        async with connected(server) as connection:
            for batch in (numbers[first : first + 100] for first in range(0, len(numbers), 100)):
                for number in batch:
                    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
                    connection.request("/no-such-path", f"X-Forwarded-For: {address}")
                for _ in batch:
                    found[(await connection.answer()).status] += 1

    await asyncio.gather(*(client(range(first, count, at_once)) for first in range(at_once)))
    return found


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "alone"])
def test_of_two_hundred_at_once_exactly_the_quota_gets_through(
    limited: Service, redis_url: str, tmp_path: Path, shared: bool
) -> None:
    async def client(server: Server) -> int:
        async with connected(server) as connection:
            connection.request("/v1/items", "X-Forwarded-For: 198.51.100.1")
            return (await connection.answer()).status

    async def run(server: Server) -> Counter[int]:
        return Counter(await asyncio.gather(*(client(server) for _ in range(200))))

    # On a busy machine Redis, too, is late, and then the replica would count alone: so it may be late here.
    patience = {f"APP_REDIS__{name}": "5" for name in ("POOL_TIMEOUT", "CONNECT_TIMEOUT", "TIMEOUT")}
    limited = limited.given(APP_RATE_LIMIT__REQUESTS="50", REDIS_URL=redis_url if shared else "", **patience)
    with limited.served(tmp_path / "log") as server:
        assert asyncio.run(run(server)) == {200: 50, 429: 150}
        assert refused(server) == 150


def resident(server: Server) -> int:
    """Return the bytes of memory that a server holds."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def test_a_flood_of_addresses_takes_a_bounded_memory(limited: Service, tmp_path: Path) -> None:
    with limited.given(APP_LOG__ACCESS="off").served(tmp_path / "log") as server:
        assert asyncio.run(burst(server, 12_000, 8)) == {404: 12_000}
        full = resident(server)
        assert asyncio.run(burst(server, 50_000, 8)) == {404: 50_000}
        # Were they all kept, 40,000 more would take some 10 MB.
        assert resident(server) - full < 5_000_000

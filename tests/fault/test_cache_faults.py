"""The sixth of the twelve: Redis that is silent, refuses, or dies at work, and many who miss at once. As measured."""

import re
import subprocess
import time
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from support.outcomes import GIVEN_UP, Outcome, ask, at_once, counted, new_item, slowest
from support.process import Server, Service, until
from support.resilience import Measured
from support.servers import Network, Running

SLOWEST = 0.5
"""Seconds that a request may take while Redis is not there."""
RECOVERY = 6.0
"""Seconds until the cache is used again."""
REQUESTS = 100


def info(redis: Running, section: str, pattern: str) -> int:
    """Return a number that Redis itself counts."""
    told = subprocess.check_output(["redis-cli", "-u", redis.url, "info", section], text=True)
    found = re.search(pattern, told, re.M)
    return int(found[1]) if found else 0


def hits(redis: Running) -> int:
    return info(redis, "stats", r"^keyspace_hits:(\d+)")


def ask_for_a_while(item: str) -> list[Outcome]:
    """Ask one after the other, until it has been enough or nobody would wait any longer."""
    outcomes: list[Outcome] = []
    began = time.perf_counter()
    while len(outcomes) < REQUESTS and time.perf_counter() - began < GIVEN_UP:
        outcomes.append(ask(item))
    return outcomes


def recovery(redis: Running, item: str) -> float:
    """Return the seconds until an answer comes from Redis again."""
    began, before = time.perf_counter(), hits(redis)

    def is_hit() -> bool:
        return ask(item).status == 200 and hits(redis) > before

    until(is_hit, "a hit", 60)
    return time.perf_counter() - began


def fall_silent(network: Network, redis: Running) -> None:
    network.falls_silent()


def refuse(network: Network, redis: Running) -> None:
    network.is_cut()


def die(network: Network, redis: Running) -> None:
    redis.stop()


@pytest.mark.parametrize(
    ("fault", "break_it"),
    [("falls silent", fall_silent), ("refuses connections", refuse), ("dies", die)],
    ids=["silent", "refused", "killed"],
)
def test_a_cache_that_is_not_there_costs_little_and_is_soon_used_again(
    service: Service,
    breakable_redis: Running,
    network: Callable[[str], Network],
    served_both: Callable[[Service], list[Server]],
    measured: Measured,
    fault: str,
    break_it: Callable[[Network, Running], None],
) -> None:
    way = network(breakable_redis.url)
    both = served_both(service.given(REDIS_URL=way.url, APP_REDIS__KEY_PREFIX=uuid4().hex))
    results = []
    for server in both:
        item = new_item(server)
        recovery(breakable_redis, item)
        break_it(way, breakable_redis)
        outcomes = ask_for_a_while(item)
        ready = server.admin("/readyz").status_code
        breakable_redis.mend()
        way.mend()
        results.append((outcomes, recovery(breakable_redis, item), ready))
    ours, plain = (
        f"{counted(outcomes)}; the slowest {slowest(outcomes).seconds:.2f} s; used again after {again:.1f} s"
        for outcomes, again, _ in results
    )
    pass_line = f"{REQUESTS} answers, none slower than {SLOWEST:g} s; used again within {RECOVERY:g} s"
    measured(6, f"Redis {fault}", pass_line, ours=ours, plain=plain)
    outcomes, again, ready = results[0]
    assert [outcome.status for outcome in outcomes] == [200] * REQUESTS
    assert slowest(outcomes).seconds < SLOWEST
    assert again < RECOVERY
    assert ready == 200


def test_many_who_miss_at_once_are_one_load(
    on_postgresql: Service,
    redis: Running,
    network: Callable[[str], Network],
    served_both: Callable[[Service], list[Server]],
    measured: Measured,
) -> None:
    readers = 100
    database = on_postgresql.variable("DATABASE_URL")
    way = network(database)
    assert urlsplit(way.url).path == urlsplit(database).path
    both = served_both(
        on_postgresql.given(DATABASE_URL=way.url, REDIS_URL=redis.url, APP_REDIS__KEY_PREFIX=uuid4().hex)
    )
    # So that all of them come while the first one loads.
    way.has("latency", latency=200)
    loads = []
    for server in both:
        item = new_item(server)
        before = info(redis, "commandstats", r"^cmdstat_set:calls=(\d+)")
        outcomes = at_once(*[lambda item=item: ask(item)] * readers)
        assert {outcome.status for outcome in outcomes} == {200}
        # Each load is stored by one command.
        loads.append(info(redis, "commandstats", r"^cmdstat_set:calls=(\d+)") - before)
    ours, plain = (f"loads: {count}" for count in loads)
    measured(6, f"{readers} ask at once for what is not in the cache", "loads: 1", ours=ours, plain=plain)
    assert loads[0] == 1

"""Dependencies that go away for minutes, and a password that changes."""

import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from cluster.conftest import calls_to
from support.kubernetes import Node, Release
from support.load import load
from support.process import until

OUTAGE = 180.0
"""Seconds: longer than any probe is patient."""
REQUEST_TIMEOUT = 8.0
FIRST_GOOD_ANSWER = 5.0
"""Seconds after PostgreSQL's return."""
# A pool that renews itself soon, so that a rotation is seen to its end.
VALUES = {"config": {"APP_DATABASE__POOL_RECYCLE": 20}, "replicaCount": 2}


def uids(release: Release) -> set[str]:
    return {pod["metadata"]["uid"] for pod in release.ready()}


@contextmanager
def postgresql_gone(release: Release) -> Iterator[None]:
    """Take PostgreSQL out of its Service, which then refuses connections, and end those that there are.

    Its pod goes on, since its data is the pod's.
    """

    def select(app: str) -> None:
        release.kubectl("patch", "service", "postgresql", "--patch", json.dumps({"spec": {"selector": {"app": app}}}))

    select("nobody")
    try:
        release.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'orders'")
        yield
    finally:
        select("postgresql")


def test_without_postgresql_nothing_restarts_and_answers_are_typed_and_quick(
    release: Release, nodes: list[Node]
) -> None:
    url = release.url(nodes[0])
    item = url + httpx2.post(f"{url}/v1/items", json={"name": "Tea"}).headers["location"]
    pods = release.ready()
    seen: Counter[int] = Counter()

    def ask() -> int:
        # The client gives up soon after the service must have answered.
        answer = httpx2.get(f"{url}/v1/items", timeout=REQUEST_TIMEOUT + 1)
        if answer.status_code != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"]
        return answer.status_code

    with postgresql_gone(release):
        until(lambda: ask() == 503, "a first 503")
        began = time.monotonic()
        while time.monotonic() - began < OUTAGE:
            seen[ask()] += 1
            assert all(release.fetch(pod, "/livez") for pod in pods)
            time.sleep(1)
        assert json.loads(release.fetch(pods[0], "/readyz?verbose"))["status"] == "degraded"
    until(lambda: ask() == 200, "a good answer", FIRST_GOOD_ANSWER)
    until(lambda: all('"ok"' in release.fetch(pod, "/readyz") for pod in pods), "every pod knows of its return")
    assert set(seen) == {503}
    assert httpx2.get(item).status_code == 200
    assert uids(release) == {pod["metadata"]["uid"] for pod in pods}
    assert release.restarts() == 0


def test_without_redis_no_request_fails(release: Release, nodes: list[Node]) -> None:
    url = release.url(nodes[0])
    with load(url, lambda: calls_to(url), 30) as result:
        release.scale("redis", 0)
        until(lambda: not release.get("pods", "--selector", "app=redis")["items"], "Redis is gone")
        gone = time.monotonic()
        while time.monotonic() - gone < OUTAGE:
            result.wait_for(50)
        release.scale("redis", 1)
        release.kubectl("rollout", "status", "deployment/redis", "--timeout=120s")
        result.wait_for(500)
    assert result.failures == []
    assert release.restarts() == 0


def test_a_rotated_database_password_restarts_nothing_and_fails_nothing(release: Release, nodes: list[Node]) -> None:
    """As it is done without a gap: a second role first, then the Secret, then the first role's end."""
    url = release.url(nodes[0])
    pods = uids(release)
    release.sql("CREATE ROLE rotated LOGIN PASSWORD 'second' IN ROLE service")
    secret = base64.b64encode(b"postgresql://rotated:second@postgresql:5432/service").decode()

    def users() -> set[str]:
        rows = release.sql("SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'orders'")
        return set(rows.splitlines())

    def old_ones_have_gone() -> bool:
        """End what idles under the first role, as whoever rotates does in the end; what works ends by itself."""
        idle = "usename = 'service' AND state = 'idle' AND state_change < now() - interval '2 s'"
        release.sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'orders' AND {idle}"
        )
        return users() == {"rotated"}

    with load(url, lambda: calls_to(url), 30) as result:
        result.wait_for(100)
        assert users() == {"service"}
        release.kubectl("patch", "secret", "postgresql", "--patch", json.dumps({"data": {"DATABASE_URL": secret}}))
        until(lambda: "rotated" in users(), "a connection of the new role's", 240)
        until(old_ones_have_gone, "no connection of the first role's", 60)
        result.wait_for(200)
    assert result.failures == []
    assert uids(release) == pods
    assert release.restarts() == 0

"""PostgreSQL goes away for minutes, and comes back."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from support.kubernetes import Node, Release
from support.process import until

OUTAGE = 180.0
"""Seconds: longer than any probe is patient."""
REQUEST_TIMEOUT = 8.0
FIRST_GOOD_ANSWER = 5.0
"""Seconds after PostgreSQL's return."""


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
    assert release.uids() == {pod["metadata"]["uid"] for pod in pods}
    assert release.restarts() == 0

"""Redis goes away for minutes, and comes back."""

import time

from cluster.conftest import calls_to
from support.kubernetes import Node, Release
from support.load import load
from support.process import until

OUTAGE = 180.0
"""Seconds: longer than any probe is patient."""


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

"""What a team does in a week, and what happens to it, under load: at least fifty thousand requests in all."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from cluster.conftest import FIRST, SECOND, calls_to
from support import kubernetes
from support.kubernetes import Node, Release, kubectl, run, tag_of, wait_until_settled
from support.load import Load, load
from support.process import until

ALONE = True
RATE = 250


@contextmanager
def under_load(release: Release, nodes: list[Node], requests: int, *, connect_retries: int = 0) -> Iterator[Load]:
    """Load the service during the block and after it, until there were so many requests."""
    url = release.url(nodes[0])
    with load(url, lambda: calls_to(url), RATE, connect_retries=connect_retries) as result:
        result.wait_for(500)
        yield result
        result.wait_for(max(1000, requests - result.answered))


def spread(release: Release) -> set[str]:
    return {pod["spec"]["nodeName"] for pod in release.ready()}


def restart(release: Release) -> None:
    release.kubectl("rollout", "restart", f"deployment/{release.name}")
    wait_until_settled(release)


def connects(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/v1/items", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False


def test_an_upgrade_with_a_migration_loses_nothing(release: Release, nodes: list[Node]) -> None:
    with under_load(release, nodes, 9000) as result:
        release.upgrade(tag=SECOND)
    assert result.failures == []
    assert release.sql("SELECT version_num FROM alembic_version") == "0003"
    migrated = [
        job for job in release.jobs() if job["spec"]["template"]["spec"]["containers"][0]["image"].endswith(SECOND)
    ]
    assert [(job["status"].get("succeeded"), job["status"].get("failed")) for job in migrated] == [(1, None)]
    assert {tag_of(pod) for pod in release.pods()} == {SECOND}


def test_a_rollback_loses_nothing_and_leaves_the_schema_ahead(release: Release, nodes: list[Node]) -> None:
    with under_load(release, nodes, 9000) as result:
        release.helm("rollback", release.name, "--wait", "--wait-for-jobs", "--timeout", "5m")
    assert result.failures == []
    assert release.sql("SELECT version_num FROM alembic_version") == "0003"
    assert {tag_of(pod) for pod in release.pods()} == {FIRST}


def test_draining_a_node_loses_nothing_and_pods_spread_again(release: Release, nodes: list[Node]) -> None:
    assert len(spread(release)) == 2
    drained = nodes[-1].name
    try:
        with under_load(release, nodes, 9000) as result:
            kubectl("drain", drained, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s")
            wait_until_settled(release)
        assert result.failures == []
        assert drained not in spread(release)
    finally:
        kubectl("uncordon", drained)
    restart(release)
    assert len(spread(release)) == 2


def test_deleting_a_pod_loses_nothing(release: Release, nodes: list[Node]) -> None:
    with under_load(release, nodes, 8000) as result:
        release.kubectl("delete", "pod", release.pods()[0]["metadata"]["name"], "--wait=true")
        wait_until_settled(release)
    assert result.failures == []


def test_killing_a_pod_loses_only_what_was_in_flight(release: Release, nodes: list[Node]) -> None:
    """A refused connection is tried again, as gateways do: that request was never in flight.

    What was in flight at that moment is not known to the millisecond; it was no more than the most until then.
    """
    killed = release.pods()[0]
    with under_load(release, nodes, 6000, connect_retries=5) as result:
        in_flight = result.most_in_flight
        kubernetes.kill_container(killed)
        until(lambda: release.restarts() == 1, "the container's restart")
        wait_until_settled(release)
    assert len(result.failures) <= in_flight, result.failures
    assert killed["metadata"]["uid"] in release.uids()


def test_a_node_that_is_lost_is_survived_and_its_pods_come_back(release: Release, nodes: list[Node]) -> None:
    if not kubernetes.is_test_cluster():
        pytest.skip("only the test cluster can lose a node")
    # What replaced a pod may stand beside its neighbour, since what it replaced counts until it has drained.
    restart(release)
    assert len(spread(release)) == 2
    lost = nodes[-1].name

    def gone() -> bool:
        """The cluster knows of it, and its network too: new connections no longer go there."""
        return lost not in spread(release) and all(connects(release.url(nodes[0])) for _ in range(50))

    run(kubernetes.TOOL, "node", lost, "crash")
    try:
        until(gone, f"pods on {lost} are known to be lost", 120)
        with under_load(release, nodes, 4000) as result:
            pass
        assert result.failures == []
    finally:
        run(kubernetes.TOOL, "node", lost, "start")
    until(lambda: len(spread(release)) == 2, "pods on both nodes", 180)
    wait_until_settled(release)


def test_autoscaling_out_and_in_again_loses_nothing(release: Release, nodes: list[Node]) -> None:
    behavior = {
        "scaleUp": {"policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
        "scaleDown": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]},
    }
    autoscaling = {"enabled": True, "minReplicas": 2, "maxReplicas": 3, "behavior": behavior}
    release.upgrade(tag=FIRST, autoscaling=autoscaling)

    def replicas() -> int:
        return int(release.get("deployment", release.name)["spec"]["replicas"])

    with under_load(release, nodes, 6000) as result:
        until(lambda: replicas() == 3, "scaling out", 240)
        wait_until_settled(release)
        release.upgrade(tag=FIRST, autoscaling=autoscaling, podLabels={"upgraded": "true"})
        assert replicas() == 3
    url = release.url(nodes[0])
    with load(url, lambda: calls_to(url), 5) as little:
        until(lambda: replicas() == 2, "scaling in", 240)
        until(lambda: len(release.pods()) == 2, "two pods")
        little.wait_for(20)
    assert result.failures + little.failures == []


def selected(release: Release, service: str) -> set[str]:
    """Return the addresses to which a Service leads; those of pods that are about to go are listed, and not ready."""
    slices = release.get("endpointslices", "--selector", f"kubernetes.io/service-name={service}")["items"]
    ends = [end for item in slices for end in item["endpoints"] if end["conditions"]["ready"]]
    return {address for end in ends for address in end["addresses"]}


def test_nobody_else_is_selected(release: Release) -> None:
    """The migration's pods are there beside the server's, and get nothing of theirs."""
    assert release.pods("migration")
    addresses = {pod["status"]["podIP"] for pod in release.ready()}
    for service in (release.name, f"{release.name}-admin"):
        until(lambda service=service: selected(release, service) == addresses, f"{service} to lead to {addresses}")  # type: ignore[misc]
    assert release.get("poddisruptionbudget", release.name)["status"]["expectedPods"] == len(addresses)


def test_the_load_sees_a_service_that_goes_without_a_drain(release: Release, nodes: list[Node]) -> None:
    """The twin of them all, and the last, since it leaves such a service: a deletion with no drain and no grace."""
    release.upgrade(tag=FIRST, shutdown={"drain": 0, "requests": 1, "telemetry": 1})
    with under_load(release, nodes, 1000) as result:
        for pod in release.pods():
            release.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=1", "--wait=false")
        until(lambda: result.failures, "a failed request")
        wait_until_settled(release)

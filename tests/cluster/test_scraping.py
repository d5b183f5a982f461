"""Prometheus finds each pod exactly once, by either way, and nobody else reaches the port."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.conftest import FIRST
from support.kubernetes import Object, Release, get, kubectl, wait_until_settled
from support.process import until

NAMESPACE = "monitoring"
OPERATED = "prometheus-main-0"


@pytest.fixture(scope="module", autouse=True)
def prometheus(kubeconfig: str) -> Iterator[None]:
    """A plain Prometheus beside the operator's."""
    if not kubectl("get", "namespace", NAMESPACE, "--ignore-not-found"):
        pytest.skip("there is no Prometheus operator in the cluster; cluster up --monitoring brings it")
    image = get("-n", NAMESPACE, "prometheus", "main")["spec"]["image"]
    manifest = Path(__file__).with_name("prometheus.yaml").read_text().replace("$IMAGE", image)
    kubectl("apply", "-f", "-", stdin=manifest)
    try:
        kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "pod/plain-prometheus", "--timeout=120s")
        yield
    finally:
        kubectl("delete", "-f", "-", "--wait=false", stdin=manifest)


def targets(pod: str, release: Release) -> list[Object]:
    """Return what a Prometheus has for targets in the release's namespace."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:9090/proxy/api/v1/targets?state=active"
    active = json.loads(kubectl("get", "--raw", path))["data"]["activeTargets"]
    return [target for target in active if target["labels"].get("namespace") == release.namespace]


def scraped_once_each(pod: str, release: Release) -> bool:
    wanted = sorted(f"http://{server['status']['podIP']}:9090/metrics" for server in release.ready())
    found = targets(pod, release)
    healthy = all(target["health"] == "up" for target in found)
    return healthy and sorted(target["scrapeUrl"] for target in found) == wanted


def test_a_plain_prometheus_finds_each_pod_once_by_the_annotations(release: Release) -> None:
    until(lambda: scraped_once_each("plain-prometheus", release), "a scraped target for each pod", 120)
    assert targets(OPERATED, release) == []


def test_the_operator_finds_each_pod_once_by_the_service_monitor(release: Release) -> None:
    monitor = {"interval": "5s", "scrapeTimeout": "4s"}
    release.upgrade(tag=FIRST, metrics={"discovery": "serviceMonitor", "serviceMonitor": monitor})
    wait_until_settled(release)
    until(lambda: scraped_once_each(OPERATED, release), "a scraped target for each pod", 180)
    until(lambda: not targets("plain-prometheus", release), "the pods that asked for it by annotations are gone")


def test_nobody_else_reaches_the_admin_port(release: Release) -> None:
    """The same stranger reaches the public port, so that it is the policy which keeps it out."""
    address = release.ready()[0]["status"]["podIP"]
    code = (
        "import socket\n"
        f"socket.create_connection(('{address}', 8000), 5)\n"
        f"try: socket.create_connection(('{address}', 9090), 3)\n"
        "except TimeoutError: raise SystemExit(42)\n"
    )
    image = f"localhost/orders:{FIRST}"
    container = {"name": "stranger", "image": image, "command": ["python", "-c", code]}
    overrides = json.dumps({"spec": {"containers": [container]}})
    kubectl("-n", "default", "run", "stranger", f"--image={image}", "--restart=Never", f"--overrides={overrides}")

    def ended() -> Object | None:
        containers = get("-n", "default", "pod", "stranger")["status"].get("containerStatuses", [{}])
        state: Object = containers[0].get("state", {})
        return state.get("terminated")

    try:
        until(ended, "the stranger's end", 60)
        assert (ended() or {})["exitCode"] == 42
    finally:
        kubectl("-n", "default", "delete", "pod", "stranger", "--wait=false")

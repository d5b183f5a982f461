"""Whatever cluster KUBECONFIG names, how images get there, and a service in it with its PostgreSQL and Redis."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.baking import ROOT
from support.process import until

TOOL = ROOT.parent / "shared/cluster/cluster"
Object = dict[str, Any]


def run(*command: str | Path, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed, with what it printed.
    """
    result = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, text=True, check=False)
    if check and result.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {result.stdout}{result.stderr}")
    return result


def is_test_cluster() -> bool:
    return TOOL.exists() and "testcluster" in os.environ["KUBECONFIG"]


def build(tag: str, folder: Path) -> None:
    """Build an image by the folder's Dockerfile and bring it to every node."""
    if is_test_cluster():
        run(ROOT / "tests/cluster/docker", "build", "--tag", tag, folder)
        run(TOOL, "load", tag)
    else:
        run("docker", "build", "--tag", tag, folder)
        run("kind", "load", "docker-image", tag)


def docker() -> dict[str, str]:
    """Return the variables by which a service's Makefile builds images and brings them to the nodes here."""
    if TOOL.exists():
        return {"DOCKER": str(ROOT / "tests/cluster/docker"), "LOAD": f"{TOOL} load"}
    return {}


def kubectl(*arguments: str, stdin: str | None = None, check: bool = True) -> str:
    return run("kubectl", *arguments, stdin=stdin, check=check).stdout


def get(*arguments: str) -> Any:
    return json.loads(kubectl("get", *arguments, "-o", "json"))


@dataclass(frozen=True)
class Node:
    name: str
    address: str


def workers() -> list[Node]:
    nodes = [node for node in get("nodes")["items"] if not node["spec"].get("taints")]
    return [
        Node(node["metadata"]["name"], address["address"])
        for node in nodes
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP"
    ]


def keep_dns_on(node: Node) -> None:
    """Move the test cluster's only DNS server to a node that no test takes away. Others have two, and a budget."""
    if is_test_cluster():
        pinned = {"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": node.name}}}}}
        kubectl("-n", "kube-system", "patch", "deployment", "coredns", "--patch", json.dumps(pinned))
        kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")


@dataclass
class Release:
    """A service in a namespace of its own, which enforces PodSecurity `restricted`."""

    folder: Path
    namespace: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def chart(self) -> Path:
        return self.folder / "charts" / self.name

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return kubectl("--namespace", self.namespace, *arguments, stdin=stdin, check=check)

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def helm(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run("helm", "--namespace", self.namespace, *arguments, check=check)

    def create(self, node: Node) -> None:
        """Make the namespace, with PostgreSQL and Redis on a node that no test takes away."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}}
        kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
        pinned = {"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": node.name}}}}}
        for server in ("postgresql", "redis"):
            self.kubectl("apply", "-f", str(self.folder / f"deploy/local/{server}.yaml"))
            self.kubectl("patch", "deployment", server, "--patch", json.dumps(pinned))
        for server in ("postgresql", "redis"):
            self.kubectl("rollout", "status", f"deployment/{server}", "--timeout=180s")

    def delete(self) -> None:
        kubectl("delete", "namespace", self.namespace, "--wait=false", "--ignore-not-found")

    def upgrade(
        self,
        *arguments: str | Path,
        tag: str,
        wait: bool = True,
        timeout: str = "5m",
        check: bool = True,
        chart: Path | None = None,
        **values: object,
    ) -> subprocess.CompletedProcess[str]:
        """Install or upgrade, with the release's values and these over them."""
        file = self.folder / f"{self.namespace}.json"
        file.write_text(json.dumps({**self.values, **values}))
        command: list[str | Path] = [
            "upgrade",
            "--install",
            self.name,
            chart or self.chart,
            "--values",
            file,
            "--set",
            f"image.tag={tag}",
        ]
        waiting = ["--wait", "--wait-for-jobs", "--timeout", timeout] if wait else []
        return self.helm(*command, *waiting, *arguments, check=check)

    def all_pods(self, component: str = "server") -> list[Object]:
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        return list(self.get("pods", "--selector", selector)["items"])

    def pods(self, component: str = "server") -> list[Object]:
        """Return the pods that are not about to go."""
        return [pod for pod in self.all_pods(component) if "deletionTimestamp" not in pod["metadata"]]

    def ready(self) -> list[Object]:
        return [pod for pod in self.pods() if condition(pod, "Ready")]

    def settled(self) -> bool:
        """Say whether all pods are there, all of the newest kind, and no other, not even one that drains."""
        deployment = self.get("deployment", self.name)
        status, wanted = deployment["status"], deployment["spec"]["replicas"]
        counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
        observed = status["observedGeneration"] == deployment["metadata"]["generation"]
        return counts == [wanted] * 4 and observed and len(self.all_pods()) == wanted

    def uids(self) -> set[str]:
        """Return which pods are ready, by what a pod that takes another's place does not share with it."""
        return {pod["metadata"]["uid"] for pod in self.ready()}

    def restarts(self) -> int:
        containers = [status for pod in self.pods() for status in pod["status"].get("containerStatuses", [])]
        return sum(status["restartCount"] for status in containers)

    def jobs(self) -> list[Object]:
        return list(self.get("jobs", "--selector", f"app.kubernetes.io/instance={self.name}")["items"])

    def url(self, node: Node) -> str:
        port = self.get("service", self.name)["spec"]["ports"][0]["nodePort"]
        return f"http://{node.address}:{port}"

    def sql(self, statement: str) -> str:
        """Run a statement in the service's database, and return its rows without decoration."""
        psql = ["psql", "-U", "service", "-d", "service", "-v", "ON_ERROR_STOP=1", "-Atc", statement]
        return self.kubectl("exec", "deployment/postgresql", "--", *psql).strip()

    def scale(self, deployment: str, replicas: int) -> None:
        self.kubectl("scale", f"deployment/{deployment}", f"--replicas={replicas}")

    def fetch(self, pod: Object, path: str) -> str:
        """Get a page of a pod's admin port from inside the pod: the NetworkPolicy lets nobody else in.

        Raises:
            RuntimeError: the answer was no 2xx.
        """
        code = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:9090{path}', timeout=5).read().decode())"
        return self.kubectl("exec", pod["metadata"]["name"], "--container", "app", "--", "python", "-c", code)

    def describe(self, folder: Path) -> None:
        """Write down what a person needs to understand a failure."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, command in {
            "objects": ["get", "all,networkpolicy,hpa,pdb", "-o", "wide"],
            "events": ["get", "events", "--sort-by=.lastTimestamp"],
            "pods": ["describe", "pods"],
        }.items():
            (folder / f"{name}.txt").write_text(self.kubectl(*command, check=False))
        for pod in self.get("pods")["items"]:
            name = pod["metadata"]["name"]
            logs = self.kubectl("logs", name, "--all-containers", "--prefix", "--tail=50000", check=False)
            before = self.kubectl("logs", name, "--all-containers", "--prefix", "--tail=500", "--previous", check=False)
            (folder / f"{name}.log").write_text(f"{before}{logs}")


def tag_of(obj: Object) -> str:
    """Return the image's tag of a pod, or of what makes pods."""
    spec = obj["spec"].get("template", obj)["spec"]
    return str(spec["containers"][0]["image"]).rpartition(":")[2]


def condition(obj: Object, kind: str) -> bool:
    found = [entry["status"] for entry in obj["status"].get("conditions", []) if entry["type"] == kind]
    return found == ["True"]


def wait_until_settled(release: Release, seconds: float = 180) -> None:
    until(release.settled, f"the rollout of {release.name} in {release.namespace}", seconds)


def kill_container(pod: Object) -> None:
    """Send SIGKILL to the service of a pod whose node is this machine, as the kernel does when memory runs out."""
    if not is_test_cluster():
        pytest.skip("only the test cluster has its pods' processes in reach")
    uid = pod["metadata"]["uid"]
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = uid in (process / "cgroup").read_text() or uid.replace("-", "_") in (process / "cgroup").read_text()
            if ours and (process / "cmdline").read_bytes().endswith(b"\0serve\0"):
                os.kill(int(process.name), signal.SIGKILL)
                return
    raise RuntimeError(f"no process on this machine serves in the pod {pod['metadata']['name']}")

"""The chart, rendered by the real Helm and looked at by the field's tools."""

import lzma
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.baking import ROOT

CHART = ROOT / "charts/service"
SCENARIOS = sorted((CHART / "ci").glob("*.yaml"))
PACKED = ROOT.parent / "shared/cluster/bin"
HELMS = ("helm", "helm3")
# A Helm built from its module knows no version of Kubernetes.
KUBE_VERSION = ("--kube-version", "1.35.0")

Object = dict[str, Any]


def tool(name: str) -> str:
    """Return a program on PATH, or unpacked from ../shared/cluster/bin; skip the test where there is none."""
    found = shutil.which(name)
    if found:
        return found
    packed, unpacked = PACKED / f"{name}.xz", ROOT / "build/tools" / name
    if not packed.exists():
        pytest.skip(f"there is no {name} on PATH or in ../shared/cluster/bin")
    if not unpacked.exists() or unpacked.stat().st_mtime < packed.stat().st_mtime:
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        with lzma.open(packed) as source, tempfile.NamedTemporaryFile(dir=unpacked.parent, delete=False) as target:
            shutil.copyfileobj(source, target)
        os.chmod(target.name, 0o755)
        # Several workers may do so at once.
        os.replace(target.name, unpacked)
    return str(unpacked)


def run(name: str, *arguments: str | Path, input: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [tool(name), *map(str, arguments)]
    return subprocess.run(command, input=input, capture_output=True, text=True, check=False)


def render(chart: Path, *arguments: str | Path, helm: str = "helm", release: str = "orders") -> str:
    """Return the manifests, as Helm prints them.

    Raises:
        AssertionError: with Helm's message, where it refuses.
    """
    result = run(helm, "template", release, chart, "--namespace", "shop", *KUBE_VERSION, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def objects(manifests: str) -> list[Object]:
    return [document for document in yaml.load_all(manifests, Loader=yaml.CSafeLoader) if document]


def pod_templates(rendered: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield a name and the pod of each object that is one or makes some."""
    for item in rendered:
        name = f"{item['kind']}/{item['metadata']['name']}"
        if item["kind"] == "Pod":
            yield name, item
        elif item["kind"] in ("Deployment", "Job"):
            yield name, item["spec"]["template"]


def containers(pod: Object) -> list[Object]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def copy(destination: Path) -> Path:
    """Copy the chart with what its links lead to, for a test to plant a defect in."""
    return shutil.copytree(CHART, destination)


def plant(chart: Path, name: str, old: str, new: str) -> None:
    """Change a file of a copied chart."""
    text = (chart / name).read_text()
    assert old in text, f"{name} holds no {old!r}"
    (chart / name).write_text(text.replace(old, new))


def lint(chart: Path, values: Path, helm: str) -> int:
    return run(helm, "lint", "--strict", *KUBE_VERSION, "--values", values, chart).returncode

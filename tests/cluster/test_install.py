"""Installing is the least exciting command of the week."""

import json
import re

import pytest
from packaging.utils import canonicalize_name

from cluster.conftest import FIRST
from support.kubernetes import Release
from support.locks import packages


def states(release: Release) -> dict[str, object]:
    """Return what would differ if anything had been changed or started again."""
    found: dict[str, object] = {pod["metadata"]["uid"]: release.restarts() for pod in release.pods()}
    for kind in ("deployment", "job", "service", "configmap", "poddisruptionbudget", "networkpolicy"):
        for item in release.get(kind, "--selector", f"app.kubernetes.io/instance={release.name}")["items"]:
            found[f"{kind}/{item['metadata']['name']}"] = item["metadata"].get("generation", item.get("data"))
    return found


def test_the_smoke_test_passes(release: Release) -> None:
    assert "Succeeded" in release.helm("test", release.name).stdout


def test_the_smoke_test_fails_where_the_service_is_not_there(release: Release) -> None:
    release.scale(release.name, 0)
    assert release.helm("test", release.name, "--timeout", "60s", check=False).returncode
    release.upgrade(tag=FIRST)


def test_installing_the_same_again_changes_and_restarts_nothing(release: Release) -> None:
    before = states(release)
    assert len(release.pods()) == 2
    release.upgrade(tag=FIRST)
    assert states(release) == before


INSIDE = """import importlib.metadata, importlib.util, json, os, shutil
print(json.dumps({
    "packages": {found.name: found.version for found in importlib.metadata.distributions()},
    "tools": [name for name in ("gcc", "make", "uv") if shutil.which(name)],
    "installers": [name for name in ("pip", "setuptools", "hatchling") if importlib.util.find_spec(name)],
    "user": os.getuid(),
    "writable": [path for path in ("/app", "/app/.venv", "/usr/local/lib", "/etc") if os.access(path, os.W_OK)],
}))
"""


def test_the_image_holds_what_is_locked_and_nothing_to_build_with(release: Release) -> None:
    inside = json.loads(release.kubectl("exec", f"deployment/{release.name}", "--", "python", "-c", INSIDE))
    purls = {f"pkg:pypi/{canonicalize_name(name)}@{version}" for name, version in inside.pop("packages").items()}
    assert purls - packages(release.folder / "requirements.lock").keys() == {f"pkg:pypi/{release.name}@0.1.0"}
    assert packages(release.folder / "requirements.lock").keys() - purls == set()
    assert inside == {"tools": [], "installers": [], "user": 10001, "writable": []}


def test_a_new_version_of_the_chart_alone_restarts_nothing(release: Release) -> None:
    before = states(release)
    chart = release.chart / "Chart.yaml"
    chart.write_text(re.sub(r"^version: .*$", "version: 9.9.9", chart.read_text(), flags=re.M))
    release.upgrade(tag=FIRST)
    assert states(release) == before
    labels = release.get("deployment", release.name)["metadata"]["labels"]
    assert labels["helm.sh/chart"] == f"{release.name}-9.9.9"


def test_a_setting_that_changes_does_restart_the_pods(release: Release) -> None:
    """The twin of the two before: what must restart is seen to."""
    before = states(release)
    release.upgrade(tag=FIRST, config={"LOG_LEVEL": "DEBUG"})
    assert not {pod["metadata"]["uid"] for pod in release.pods()} & set(before)


def test_without_a_database_the_remedy_is_named(release: Release) -> None:
    refused = release.helm("template", release.name, release.chart, check=False).stderr
    assert "database.existingSecret" in refused
    assert "deploy/local.yaml" in refused


def test_pods_that_break_the_restrictions_are_refused(release: Release) -> None:
    """The twin of every installation here: the namespace does enforce them."""
    with pytest.raises(RuntimeError, match="violates PodSecurity"):
        release.kubectl("run", "careless", f"--image=localhost/orders:{FIRST}", "--dry-run=server")

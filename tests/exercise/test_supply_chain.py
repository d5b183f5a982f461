"""What a service is made of: nothing known to be vulnerable, no unsafe code, and a bill of materials that is whole."""

import fcntl
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import osv
from support.baking import ROOT, TEMPLATE, Bake
from support.locks import packages
from support.servers import free_port
from support.services import environment, lend
from support.workflows import Lines


@pytest.fixture(scope="module")
def osv_url() -> Iterator[str]:
    with osv.osv() as url:
        yield url


@pytest.fixture
def env(tmp_path: Path, osv_url: str) -> dict[str, str]:
    return environment(tmp_path, PIP_AUDIT_OSV_URL=osv_url, UV_CACHE_DIR=str(ROOT / "build/uv"))


@pytest.fixture
def service(bake: Bake, installed: Path, env: dict[str, str]) -> Path:
    """A fresh service, with the tools of another one of the same locks, which are installed once for all workers."""
    with (installed / ".venv/tools.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tools = ["make", ".venv/tools/installed"]
        result = subprocess.run(tools, cwd=installed, env=env, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    service = bake()
    lend(service, installed / ".venv")
    os.utime(service / "requirements-tools.lock", (0, 0))
    return service


def audit(service: Path, env: dict[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "audit", *more], cwd=service, env=env, capture_output=True, text=True, check=False)


def age(service: Path, version: str) -> None:
    """Lock another version of requests, and leave the lock older than what was installed from it."""
    lock = service / "requirements-dev.lock"
    text, planted = re.subn(r"^requests==\S+", f"requests=={version}", lock.read_text(), flags=re.M)
    assert planted == 1
    lock.write_text(text)
    os.utime(lock, (0, 0))


AUDIT = pytest.mark.parametrize("lines", [("make audit",)], ids=["audit"], indirect=True)


@AUDIT
def test_a_fresh_service_is_clean(service: Path, env: dict[str, str], lines: Lines) -> None:
    lines.run(service, env)


@AUDIT
def test_the_template_is_clean(env: dict[str, str], lines: Lines) -> None:
    lines.run(ROOT, env)


def test_a_version_with_a_known_vulnerability_is_named_with_the_remedy(service: Path, env: dict[str, str]) -> None:
    age(service, "2.30.0")
    result = audit(service, env)
    assert result.returncode
    assert re.search(r"requests +2\.30\.0 +CVE-2023-32681 +2\.31\.0", result.stdout)
    assert "Not passed: requirements-dev.lock. Where there is a fixed version: make lock." in result.stderr
    assert audit(service, env, "AUDIT_IGNORE=PYSEC-1 GHSA-j8r2-6x86-q33q").returncode == 0
    age(service, "2.31.0")
    assert audit(service, env).returncode == 0


def test_an_audit_that_reaches_nobody_is_not_passed(service: Path, env: dict[str, str]) -> None:
    result = audit(service, env | {"PIP_AUDIT_OSV_URL": f"http://127.0.0.1:{free_port()}/v1/query"})
    assert result.returncode
    assert "Not passed: requirements-dev.lock requirements-tools.lock." in result.stderr
    assert "PIP_AUDIT_OSV_URL can name another" in result.stderr


def test_unsafe_code_is_found(service: Path, env: dict[str, str]) -> None:
    (service / "src/orders_service/unsafe.py").write_text(
        "import pickle\n\nload = pickle.loads\nload(b'')\neval('1')\n"
    )
    result = audit(service, env)
    assert result.returncode
    assert "B307" in result.stdout
    assert "src/orders_service/unsafe.py:1" in result.stdout


# --- the bill of materials -------------------------------------------------------------------------------------------


def hashes(component: dict[str, Any]) -> set[str]:
    return {
        entry["content"]
        for reference in component.get("externalReferences", [])
        if reference["type"] == "distribution"
        for entry in reference.get("hashes", [])
    }


def differing(bom: dict[str, Any], lock: Path) -> set[str]:
    """Return the packages that only one of both has, or in other files."""
    listed, locked = {component["purl"]: hashes(component) for component in bom["components"]}, packages(lock)
    return {purl for purl in {*listed, *locked} if listed.get(purl) != locked.get(purl)}


VALIDATE = """import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_7).validate_str(sys.stdin.read())
sys.exit(None if error is None else str(error)[:500])
"""


def invalid(service: Path, bom: dict[str, Any]) -> bool:
    command = [str(service / ".venv/tools/bin/python"), "-c", VALIDATE]
    result = subprocess.run(command, input=json.dumps(bom), capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
    return bool(result.returncode)


@pytest.mark.parametrize("lines", [("make sbom",)], ids=["sbom"], indirect=True)
def test_the_bill_of_materials_is_what_is_locked_for_the_image(
    service: Path, env: dict[str, str], lines: Lines
) -> None:
    lines.run(service, env)
    document = service / "dist/orders-service-0.1.0.cdx.json"
    written = document.read_bytes()
    bom = json.loads(written)
    assert not invalid(service, bom)
    root = bom["metadata"]["component"]
    assert (root["type"], root["name"], root["version"]) == ("application", "orders-service", "0.1.0")
    lock = service / "requirements.lock"
    assert differing(bom, lock) == set()
    # protobuf's wheel says nothing of its licence.
    assert {component["name"] for component in bom["components"] if not component.get("licenses")} <= {"protobuf"}
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in bom["dependencies"]}
    assert {need.partition("==")[0].lower() for need in needs[root["bom-ref"]]} > {"fastapi", "sqlalchemy", "psycopg"}
    # Without a time and a random number, and wherever it is made.
    elsewhere = service.rename(service.with_name("elsewhere"))
    subprocess.run(["make", "sbom"], cwd=elsewhere, env=env | {"TZ": "Asia/Tokyo"}, check=True, capture_output=True)
    assert (elsewhere / "dist/orders-service-0.1.0.cdx.json").read_bytes() == written
    # What is wrong with it is found.
    (missing,) = {bom["components"].pop()["purl"]}
    assert differing(bom, elsewhere / "requirements.lock") == {missing}
    bom["components"][0]["type"] = "thing"
    assert invalid(elsewhere, bom)


def test_a_package_that_is_not_locked_is_refused(service: Path, tmp_path: Path) -> None:
    document = tmp_path / "bom.json"
    document.write_text(json.dumps({"components": [{"name": "x", "version": "1", "purl": "pkg:pypi/x@1"}]}))
    command = [".venv/bin/python", "tools/sbom.py", str(document), "requirements.lock"]
    result = subprocess.run(command, cwd=service, capture_output=True, text=True, check=False)
    assert result.stderr == "pkg:pypi/x@1 is in the bill of materials and not in the lock.\n"


# --- the image -------------------------------------------------------------------------------------------------------

STAGE = re.compile(r"^FROM (\S+)(?: AS (\w+))?$", re.M)
PINNED = re.compile(r"python:\d\.\d+-slim@sha256:[0-9a-f]{64}")


def unpinned(dockerfile: str) -> list[str]:
    """Return what stages start from that is neither an earlier stage nor pinned."""
    stages = STAGE.findall(dockerfile)
    names = {name for _, name in stages}
    return [image for image, _ in stages if image not in names and not PINNED.fullmatch(image)]


def test_the_base_image_is_pinned_by_its_digest() -> None:
    dockerfile = (TEMPLATE / "Dockerfile").read_text()
    assert STAGE.search(dockerfile)
    assert unpinned(dockerfile) == []
    planted = re.sub("@sha256:[0-9a-f]+", "", dockerfile)
    assert unpinned(planted) == ["python:3.13-slim"]
    assert unpinned(dockerfile.replace("FROM base\n", "FROM debian:13\n")) == ["debian:13"]

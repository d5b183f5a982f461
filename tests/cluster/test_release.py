"""What a service's workflow does on a tag, against a real registry."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from support import kubernetes, servers
from support.baking import Bake
from support.charts import tool
from support.servers import Registry
from support.services import environment
from support.workflows import Lines


@pytest.fixture(scope="module")
def registry(at_work: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry on this machine. The cluster has no part in it, but where there is one, images can be built."""
    with servers.registry(tmp_path_factory.mktemp("registry")) as registry:
        if registry is None:
            pytest.skip("there is no docker-registry; apt-get install docker-registry")
        yield registry


@pytest.fixture
def env(tmp_path: Path, registry: Registry) -> dict[str, str]:
    env = environment(tmp_path, GITHUB_REF_NAME="v0.1.0", SSL_CERT_FILE=str(registry.certificate))
    env |= {"PATH": f"{Path(tool('helm')).parent}:{env['PATH']}", **kubernetes.docker()}
    # Helm knows what Docker is logged in to, but not what buildah is.
    (tmp_path / ".docker").mkdir()
    return env | {"REGISTRY_AUTH_FILE": str(tmp_path / ".docker/config.json")}


@pytest.fixture
def service(bake: Bake, registry: Registry, env: dict[str, str]) -> Iterator[Path]:
    yield bake(image_registry=f"{registry.host}/shop")
    images = [f"{registry.host}/shop/orders-service:{tag}" for tag in ("dev", "0.1.0")]
    subprocess.run([env.get("DOCKER", "docker"), "rmi", *images], check=False, capture_output=True)


def tags(registry: Registry, repository: str) -> list[str]:
    answer = httpx2.get(
        f"https://{registry.host}/v2/{repository}/tags/list",
        auth=(registry.username, registry.password),
        verify=ssl.create_default_context(cafile=registry.certificate),
    )
    return list(answer.json().get("tags") or [])


def digest(registry: Registry, repository: str) -> str:
    """Return the digest that the registry has for the released version."""
    answer = httpx2.head(
        f"https://{registry.host}/v2/{repository}/manifests/0.1.0",
        auth=(registry.username, registry.password),
        headers={"accept": "application/vnd.oci.image.manifest.v1+json"},
        verify=ssl.create_default_context(cafile=registry.certificate),
    )
    assert answer.status_code == 200, answer.text
    return answer.headers["docker-content-digest"].removeprefix("sha256:")


RELEASE = ("make login", 'make release TAG="$GITHUB_REF_NAME"')


@pytest.mark.parametrize("lines", [RELEASE], ids=["login and release"], indirect=True)
def test_a_tag_brings_image_and_chart_to_the_registry(
    service: Path, env: dict[str, str], registry: Registry, lines: Lines
) -> None:
    lines.run(service, env | {"REGISTRY_USERNAME": registry.username, "REGISTRY_PASSWORD": registry.password})
    assert tags(registry, "shop/orders-service") == ["0.1.0"]
    assert tags(registry, "shop/charts/orders-service") == ["0.1.0"]
    chart = f"oci://{registry.host}/shop/charts/orders-service"
    shown = subprocess.run(
        ["helm", "show", "chart", chart, "--version", "0.1.0"], env=env, check=True, capture_output=True, text=True
    )
    assert "appVersion: 0.1.0" in shown.stdout
    # What is signed, and whose provenance the workflow attests, is what the registry has.
    image, charts = f"{registry.host}/shop/orders-service", f"{registry.host}/shop/charts/orders-service"
    by_digest = {name: digest(registry, name.partition("/")[2]) for name in (image, charts)}
    released = (service / "dist/released.sha256").read_text()
    assert released == "".join(f"{content}  {name}\n" for name, content in by_digest.items())
    sign = ["make", "--silent", "sign", "COSIGN=echo"]
    told = subprocess.run(sign, cwd=service, env=env, check=True, capture_output=True, text=True).stdout
    assert told.splitlines() == [
        f"sign --yes {image}@sha256:{by_digest[image]}",
        f"sign --yes {charts}@sha256:{by_digest[charts]}",
        "attest --yes --type cyclonedx --predicate dist/orders-service-0.1.0.cdx.json "
        f"{image}@sha256:{by_digest[image]}",
    ]


def test_who_is_not_known_is_refused(service: Path, env: dict[str, str]) -> None:
    stranger = env | {"REGISTRY_USERNAME": "stranger", "REGISTRY_PASSWORD": "x"}
    assert subprocess.run(["make", "login"], cwd=service, env=stranger, capture_output=True, check=False).returncode


def test_a_push_that_fails_ends_the_release(service: Path, env: dict[str, str]) -> None:
    """Nobody logged in, and the chart does not go where its image is not."""
    release = ["make", "release", "TAG=v0.1.0"]
    result = subprocess.run(release, cwd=service, env=env, capture_output=True, text=True, check=False)
    assert result.returncode
    assert "helm" not in result.stdout
    assert not (service / "dist/released.sha256").exists()


def test_a_tag_that_is_not_the_version_releases_nothing(service: Path, env: dict[str, str]) -> None:
    release = ["make", "release", "TAG=v9.9.9"]
    result = subprocess.run(release, cwd=service, env=env, capture_output=True, text=True, check=False)
    assert result.returncode
    assert result.stderr.startswith("The tag is 'v9.9.9' and the version in pyproject.toml 0.1.0.")
    assert result.stdout == ""

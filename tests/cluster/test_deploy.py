"""What a service's workflow does with a cluster: the image is built, brought there, installed and smoke-tested."""

import os
from pathlib import Path

import pytest

from support import kubernetes
from support.baking import Bake
from support.services import environment
from support.workflows import Lines

INSTALL = ("make image", "make deploy DATABASE=postgresql", "make smoke", "make diagnose")


@pytest.mark.usefixtures("nodes", "at_work")
@pytest.mark.parametrize("lines", [INSTALL], ids=["install"], indirect=True)
def test_the_service_is_deployed_and_passes_its_smoke_test(bake: Bake, tmp_path: Path, lines: Lines) -> None:
    service = bake(project_slug="deployed", image_registry="localhost")
    env = environment(tmp_path, KUBECONFIG=os.environ["KUBECONFIG"], **kubernetes.docker())
    env["CONTEXT"] = kubernetes.kubectl("config", "current-context").strip()
    try:
        printed = lines.run(service, env)
        deployed = kubernetes.get("deployment", "deployed", "--namespace", "deployed")
        assert deployed["status"]["readyReplicas"] == deployed["spec"]["replicas"]
        (container,) = deployed["spec"]["template"]["spec"]["containers"]
        assert container["image"].startswith("localhost/deployed:dev-")
        assert "Succeeded" in printed
        assert "deployment.apps/postgresql" in printed
    finally:
        kubernetes.kubectl("delete", "namespace", "deployed", "--wait=false", "--ignore-not-found")

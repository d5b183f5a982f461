"""The admin port is nobody's but the cluster's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.charts import (
    CHART,
    Object,
    objects,
    plant,
    render,
)


def of_kind(rendered: list[Object], kind: str) -> list[Object]:
    return [item for item in rendered if item["kind"] == kind]


def backends(rendered: list[Object]) -> Iterator[tuple[str, object]]:
    """Yield the Service and the port, by name or number, to which each Ingress and each route leads."""
    for ingress in of_kind(rendered, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                yield service["name"], service["port"].get("name", service["port"].get("number"))
    for route in of_kind(rendered, "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            yield from ((backend["name"], backend["port"]) for backend in rule["backendRefs"])


def published(rendered: list[Object]) -> list[str]:
    """Return each way from outside to a container's port other than `http`, and each from anywhere to `admin`."""
    services = {service["metadata"]["name"]: service["spec"] for service in of_kind(rendered, "Service")}
    (app,) = (
        container
        for deployment in of_kind(rendered, "Deployment")
        for container in deployment["spec"]["template"]["spec"]["containers"]
        if container["name"] == "app"
    )
    numbers = {port["containerPort"]: port["name"] for port in app["ports"]}
    outside = [(name, port) for name, spec in services.items() if spec["type"] != "ClusterIP" for port in spec["ports"]]
    outside += [
        (name, port)
        for name, wanted in backends(rendered)
        for port in services[name]["ports"]
        if wanted in (port["name"], port["port"])
    ]
    found = [
        f"{name}: {port['targetPort']}"
        for name, port in outside
        if numbers.get(port["targetPort"], port["targetPort"]) != "http"
    ]
    return found + [
        f"{policy['metadata']['name']}: from anywhere"
        for policy in of_kind(rendered, "NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        if not rule.get("from") and any(numbers.get(port["port"], port["port"]) == "admin" for port in rule["ports"])
    ]


def test_no_way_leads_from_outside_to_the_admin_port(manifests: str) -> None:
    assert published(objects(manifests)) == []


@pytest.mark.parametrize(
    ("scenario_name", "template", "old", "new"),
    [
        ("minimal", "service.yaml", "type: ClusterIP", "type: NodePort"),
        ("everything", "service.yaml", "targetPort: http\n", "targetPort: admin\n"),
        ("gateway", "service.yaml", "targetPort: http\n", "targetPort: {{ .Values.containerPorts.admin }}\n"),
        ("ingress", "service.yaml", "targetPort: http\n", "targetPort: admin\n"),
        (
            "gateway",
            "httproute.yaml",
            '(include "app.fullname" $) "port" $.Values.service.port',
            '(printf "%s-admin" (include "app.fullname" $)) "port" $.Values.containerPorts.admin',
        ),
        (
            "ingress",
            "ingress.yaml",
            'name: {{ include "app.fullname" $ }}\n                port:\n                  name: http',
            'name: {{ include "app.fullname" $ }}-admin\n                port:\n                  name: admin',
        ),
        ("minimal", "networkpolicy.yaml", "containerPorts.http }}, protocol", "containerPorts.admin }}, protocol"),
    ],
)
def test_a_way_to_the_admin_port_is_found(copied: Path, scenario_name: str, template: str, old: str, new: str) -> None:
    plant(copied, f"templates/{template}", old, new)
    assert published(objects(render(copied, "--values", CHART / f"ci/{scenario_name}-values.yaml")))

"""Who selects whom, computed from the rendered objects: only the server's pods get requests, scrapes and protection."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.charts import CHART, SCENARIOS, Object, copy, objects, plant, pod_templates, render

Labels = dict[str, str]


def selectors(rendered: list[Object]) -> Iterator[tuple[str, str, Labels]]:
    """Yield each selector of pods, as the object's name, the component that it is meant for, and the labels."""
    for item in rendered:
        name, spec = f"{item['kind']}/{item['metadata']['name']}", item.get("spec", {})
        component = item["metadata"].get("labels", {}).get("app.kubernetes.io/component", "")
        match item["kind"]:
            case "Service":
                yield name, component, spec["selector"]
            case "Deployment" | "PodDisruptionBudget":
                yield name, component, spec["selector"]["matchLabels"]
            case "NetworkPolicy":
                yield name, component, spec["podSelector"]["matchLabels"]


def selected(rendered: list[Object], selector: Labels) -> set[str]:
    return {name for name, pod in pod_templates(rendered) if selector.items() <= pod["metadata"]["labels"].items()}


COMPONENT = {"server": "Deployment", "migration": "Job", "smoke-test": "Pod"}


def misled(rendered: list[Object]) -> list[str]:
    """Return each selector that selects other pods than those of its own object's component."""
    found = []
    for name, component, selector in selectors(rendered):
        kinds = {pod.partition("/")[0] for pod in selected(rendered, selector)}
        if kinds != {COMPONENT.get(component)}:
            found.append(f"{name} is for {component} and selects {sorted(kinds)}")
    return found


def targets(rendered: list[Object]) -> list[tuple[str, str]]:
    """Return each target that a ServiceMonitor makes of the server's pod, as its Service and port."""
    found = []
    for monitor in (item for item in rendered if item["kind"] == "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        for service in (item for item in rendered if item["kind"] == "Service"):
            if wanted.items() <= service["metadata"]["labels"].items():
                ports = {port["name"] for port in service["spec"]["ports"]}
                ends = {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]}
                found += [(service["metadata"]["name"], port) for port in ports & ends]
    return found


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda path: path.stem.removesuffix("-values"))
def rendered(request: pytest.FixtureRequest) -> list[Object]:
    return objects(render(CHART, "--values", request.param))


def test_every_selector_selects_the_pods_of_its_own_component(rendered: list[Object]) -> None:
    assert list(selectors(rendered))
    assert misled(rendered) == []


@pytest.mark.parametrize("name", ["migration-job.yaml", "tests/smoke.yaml"])
def test_a_pod_with_the_labels_of_the_server_is_found(tmp_path: Path, name: str) -> None:
    chart = copy(tmp_path / "service")
    component = "migration" if "migration" in name else "smoke-test"
    plant(
        chart,
        f"templates/{name}",
        f'(dict "root" . "component" "{component}") |',
        '(dict "root" . "component" "server") |',
    )
    found = misled(objects(render(chart, "--values", CHART / "ci/minimal-values.yaml")))
    assert any(line.startswith("Service/") for line in found)


def test_another_release_in_the_namespace_is_not_selected() -> None:
    values = ("--values", CHART / "ci/minimal-values.yaml")
    ours, theirs = (objects(render(CHART, *values, release=release)) for release in ("orders", "invoices"))
    assert [name for name, _, selector in selectors(ours) if selected(theirs, selector)] == []


def test_a_pod_is_one_target() -> None:
    rendered = objects(render(CHART, "--values", CHART / "ci/everything-values.yaml"))
    assert targets(rendered) == [("orders-eu-admin", "admin")]


def test_a_second_target_is_found(tmp_path: Path) -> None:
    chart = copy(tmp_path / "service")
    plant(chart, "templates/service.yaml", "- name: http", "- name: admin")
    assert len(targets(objects(render(chart, "--values", CHART / "ci/everything-values.yaml")))) == 2


def test_an_autoscaler_scales_the_deployment() -> None:
    rendered = objects(render(CHART, "--values", CHART / "ci/autoscaling-values.yaml"))
    (target,) = (item["spec"]["scaleTargetRef"] for item in rendered if item["kind"] == "HorizontalPodAutoscaler")
    (deployment,) = (item for item in rendered if item["kind"] == "Deployment")
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])

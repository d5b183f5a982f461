"""The chart's templates: each way of use lints, and renders the same everywhere."""

import re
from pathlib import Path

import pytest

from support.baking import files
from support.charts import (
    CHART,
    HELMS,
    lint,
    objects,
    plant,
    pod_templates,
    render,
)

MINIMAL = CHART / "ci/minimal-values.yaml"


@pytest.mark.parametrize("helm", HELMS)
def test_each_scenario_lints(scenario: Path, helm: str) -> None:
    assert lint(CHART, scenario, helm) == 0


@pytest.mark.parametrize("helm", HELMS)
def test_what_does_not_lint_is_found(copied: Path, helm: str) -> None:
    plant(copied, "templates/pdb.yaml", "maxUnavailable: {{", "maxUnavailable: : {{")
    assert lint(copied, MINIMAL, helm) != 0


def renderings(chart: Path, values: Path) -> set[str]:
    """Return how Helm 3 and Helm 4 render it, each twice."""
    return {render(chart, "--values", values, helm=helm) for helm in HELMS for _ in range(2)}


def test_each_scenario_renders_the_same_with_helm_3_and_4_and_twice(scenario: Path) -> None:
    assert len(renderings(CHART, scenario)) == 1


def test_a_rendering_by_chance_is_found(copied: Path) -> None:
    plant(copied, "templates/tests/smoke.yaml", '"suffix" "smoke-test"', '"suffix" (randAlphaNum 8 | lower)')
    assert len(renderings(copied, MINIMAL)) > 1


def impure(chart: Path) -> list[str]:
    """Return what in the templates depends on more than the values."""
    foreign = r"\b(?:lookup|rand\w+|now|date\w*|uuidv4|gen(?:CA|SignedCert|PrivateKey)\w*|htpasswd|Capabilities)\b"
    actions = r"(?!\{\{-?\s*/\*)\{\{.*?\}\}"
    return [
        f"{path.name}: {match[0]}"
        for path in files(chart / "templates")
        for action in re.findall(actions, path.read_text(), re.S)
        for match in re.finditer(foreign, action)
    ]


def test_the_templates_depend_on_the_values_alone() -> None:
    assert impure(CHART) == []


def test_a_look_at_the_cluster_is_found(copied: Path) -> None:
    plant(
        copied,
        "templates/servicemonitor.yaml",
        "{{- if eq",
        '{{- if .Capabilities.APIVersions.Has "x" }}{{ end }}{{- if eq',
    )
    assert impure(copied) == ["servicemonitor.yaml: Capabilities"]


def what_restarts(manifests: str) -> list[object]:
    """Return what restarts pods or runs the Job again when it changes: the pods, and the Job's name."""
    rendered = objects(manifests)
    return [
        *(template for name, template in pod_templates(rendered) if not name.startswith("Pod/")),
        *(item["metadata"]["name"] for item in rendered if item["kind"] == "Job"),
    ]


def test_a_new_version_of_the_chart_alone_restarts_nothing(copied: Path, scenario: Path, manifests: str) -> None:
    plant(copied, "Chart.yaml", "version: 0.1.0", "version: 0.2.0")
    newer = render(copied, "--values", scenario)
    assert newer != manifests
    assert what_restarts(newer) == what_restarts(manifests)


def test_a_version_in_the_pods_is_found(copied: Path) -> None:
    plant(
        copied,
        "templates/_names.tpl",
        "{{- merge $selector .root",
        '{{- merge $selector (dict "v" .root.Chart.Version) .root',
    )
    before = render(copied, "--values", MINIMAL)
    plant(copied, "Chart.yaml", "version: 0.1.0", "version: 0.2.0")
    assert what_restarts(render(copied, "--values", MINIMAL)) != what_restarts(before)


@pytest.mark.parametrize(
    ("argument", "runs_again"),
    [
        ("image.tag=2.0.0", True),
        ("config.LOG_LEVEL=DEBUG", True),
        ("migrations.retryToken=again", True),
        ("replicaCount=5", False),
        ("service.port=81", False),
        ("migrations.backoffLimit=5", False),
    ],
)
def test_the_migration_runs_again_when_its_pods_change(argument: str, runs_again: bool) -> None:
    def name(*arguments: str) -> str:
        rendered = objects(render(CHART, "--values", MINIMAL, *arguments))
        return str(next(item["metadata"]["name"] for item in rendered if item["kind"] == "Job"))

    assert (name("--set", argument) != name()) == runs_again

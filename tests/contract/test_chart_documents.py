"""What the suites of the chart and its documents say is true."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.answers import LONGEST, SHORTEST
from support.baking import TEMPLATE, Bake, files
from support.charts import (
    CHART,
    HELMS,
    lint,
    objects,
    plant,
    pod_templates,
    render,
    run,
)


def test_the_suites_pass() -> None:
    result = run("helm-unittest", CHART)
    assert result.returncode == 0, result.stdout


# Where a helper is tested: the other templates have a suite of their name.
SUITE = {"_names.tpl": "migration-job", "_pod.tpl": "deployment", "_validate.tpl": "validate"}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("_names.tpl", "trunc 43", "trunc 63"),
        ("_names.tpl", "app.kubernetes.io/component: {{ .component }}", "app.kubernetes.io/component: server"),
        ("_pod.tpl", "enableServiceLinks: false", "enableServiceLinks: true"),
        ("_pod.tpl", "int64 .", "."),
        ("_validate.tpl", "{{- fail", "{{- printf"),
        ("deployment.yaml", ".telemetry 10", ".telemetry"),
        ("deployment.yaml", "if not (or .Values.autoscaling.enabled", "if not (or false"),
        ("deployment.yaml", "wait-for-schema", "migrate"),
        ("migration-job.yaml", "backoffLimit:", "ttlSecondsAfterFinished: 0\n  backoffLimit:"),
        ("service.yaml", "type: ClusterIP", "type: {{ .Values.service.type }}"),
        ("configmap.yaml", 'include "app.text" $value', "$value"),
        ("serviceaccount.yaml", "Token: false", "Token: true"),
        ("hpa.yaml", "container: app", "container: other"),
        ("pdb.yaml", 'kindIs "invalid" .minAvailable', "not .minAvailable"),
        ("networkpolicy.yaml", "port: 53", "port: 5353"),
        ("httproute.yaml", '"timeouts" .timeouts', '"timeouts" dict'),
        ("ingress.yaml", "name: http", "name: admin"),
        ("servicemonitor.yaml", "port: admin", "port: http"),
        ("externalsecret.yaml", "deletionPolicy: Retain", "deletionPolicy: Delete"),
        ("extra-objects.yaml", "tpl (", "print ("),
        ("tests/smoke.yaml", '"helm.sh/hook" "test"', '"helm.sh/hook" "post-install"'),
    ],
)
def test_the_suites_find_a_defect(copied: Path, name: str, old: str, new: str) -> None:
    plant(copied, f"templates/{name}", old, new)
    suite = SUITE.get(name, Path(name).stem)
    assert run("helm-unittest", "--file", f"tests/{suite}_test.yaml", copied).returncode != 0


def several_assertions(suite: Path) -> list[str]:
    tests: list[dict[str, Any]] = yaml.safe_load(suite.read_text())["tests"]
    return [test["it"] for test in tests if len(test["asserts"]) != 1]


def test_each_test_of_a_suite_asserts_one_thing() -> None:
    suites = sorted((CHART / "tests").glob("*_test.yaml"))
    assert suites
    assert [test for suite in suites for test in several_assertions(suite)] == []


def test_a_second_assertion_is_found(tmp_path: Path) -> None:
    (tmp_path / "x_test.yaml").write_text(
        "tests: [{it: is, asserts: [{hasDocuments: {count: 1}}, {isNull: {path: a}}]}]"
    )
    assert several_assertions(tmp_path / "x_test.yaml") == ["is"]


def documented(chart: Path) -> str:
    return run("helm-docs", "--dry-run", "--log-level", "error", "--chart-search-root", chart).stdout


def test_the_readme_says_what_the_values_say() -> None:
    assert documented(CHART) == (CHART / "README.md").read_text()


def test_a_readme_that_lags_behind_is_found(copied: Path) -> None:
    plant(copied, "values.yaml", "replicaCount: 2", "replicaCount: 3")
    assert documented(copied) != (copied / "README.md").read_text()


def test_every_value_is_explained() -> None:
    rows = [line for line in documented(CHART).splitlines() if line.startswith("| ")]
    assert len(rows) > 90
    assert [row for row in rows if re.search(r"\|\s*\|$", row)] == []


def test_every_template_opens_with_its_purpose() -> None:
    templates = [path for path in files(CHART / "templates") if path.suffix != ".txt"]
    assert [path.name for path in templates if not re.match(r"\{\{-? ?/\*\n\S", path.read_text())] == []


def verbatim(service: Path) -> dict[str, bytes]:
    chart = next((service / "charts").iterdir())
    rendered = {"Chart.yaml", "values.yaml"}
    return {str(path.relative_to(chart)): path.read_bytes() for path in files(chart) if path.name not in rendered}


def test_every_service_has_the_same_chart(bake: Bake) -> None:
    own = next((TEMPLATE / "charts").iterdir())
    expected = {name: (own / name).read_bytes() for name in verbatim(bake())}
    assert len(expected) > 20
    assert verbatim(bake(**SHORTEST)) == verbatim(bake(**LONGEST)) == expected


def test_a_service_installs_with_each_of_its_values(bake: Bake) -> None:
    for answers in (SHORTEST, LONGEST):
        service = bake(**answers)
        chart = service / "charts" / answers["project_slug"]
        environments = sorted((service / "deploy").glob("*.yaml"))
        assert len(environments) == 4
        for values in environments:
            for helm in HELMS:
                assert lint(chart, values, helm) == 0
            image = next(pod_templates(objects(render(chart, "--values", values))))[1]["spec"]["containers"][0]["image"]
            assert image.startswith(f"ghcr.io/example/{answers['project_slug']}:")

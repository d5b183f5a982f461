"""The chart by itself: each way of use lints, renders the same everywhere, is restricted; every value has an effect."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.answers import LONGEST, SHORTEST
from support.baking import TEMPLATE, Bake
from support.charts import (
    CHART,
    HELMS,
    KUBE_VERSION,
    SCENARIOS,
    Object,
    containers,
    copy,
    objects,
    plant,
    pod_templates,
    render,
    run,
)

MINIMAL = CHART / "ci/minimal-values.yaml"


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda path: path.stem.removesuffix("-values"))
def scenario(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(scope="module")
def manifests(scenario: Path) -> str:
    return render(CHART, "--values", scenario)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return copy(tmp_path / "service")


# --- it renders, and always the same ---------------------------------------------------------------------------------


def lint(chart: Path, values: Path, helm: str) -> int:
    return run(helm, "lint", "--strict", *KUBE_VERSION, "--values", values, chart).returncode


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


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


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


# --- it is safe ------------------------------------------------------------------------------------------------------


def unrestricted(rendered: list[Object]) -> list[str]:
    """Return how pods break PodSecurity's level `restricted`."""
    found = []
    for name, pod in pod_templates(rendered):
        spec, pod_context = pod["spec"], pod["spec"].get("securityContext", {})
        found += [f"{name}: {field}" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
        allowed = {
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "persistentVolumeClaim",
            "projected",
            "secret",
        }
        found += [f"{name}: volume {volume['name']}" for volume in spec.get("volumes", []) if not allowed & set(volume)]
        for container in containers(pod):
            context = container.get("securityContext", {})
            where = f"{name}/{container['name']}"
            effective = pod_context | context
            if effective.get("runAsNonRoot") is not True or effective.get("runAsUser") == 0:
                found.append(f"{where}: may be root")
            if effective.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
                found.append(f"{where}: no seccomp profile")
            if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
                found.append(f"{where}: may gain privileges")
            capabilities = context.get("capabilities", {})
            if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
                found.append(f"{where}: capabilities")
            if any(port.get("hostPort") for port in container.get("ports", [])):
                found.append(f"{where}: host port")
            probes = [container.get(f"{probe}Probe", {}) for probe in ("startup", "liveness", "readiness")]
            if any("host" in probe.get("httpGet", {}) for probe in probes):
                found.append(f"{where}: host in a probe")
    return found


def test_every_pod_is_restricted(manifests: str) -> None:
    assert unrestricted(objects(manifests)) == []


@pytest.mark.parametrize(
    "argument",
    [
        "podSecurityContext.runAsNonRoot=null",
        "podSecurityContext.runAsUser=0",
        "podSecurityContext.seccompProfile=null",
        "securityContext.allowPrivilegeEscalation=true",
        "securityContext.capabilities.drop=null",
        "extraVolumes.host.hostPath.path=/",
    ],
)
def test_a_pod_that_is_not_restricted_is_found(argument: str) -> None:
    assert unrestricted(objects(render(CHART, "--values", MINIMAL, "--set", argument)))


# kube-score's checks that do not hold, each with its reason.
EXEMPT = {
    "container-image-pull-policy": "a digest or a version does not move, and a registry that is down is no outage"
}
EXEMPT_IN = {
    "everything": {"service-type": "is what this scenario is about"},
    "external-scaler": {"deployment-replicas": "an autoscaler that it does not know owns them"},
    "openshift": {"container-security-context-user-group-id": "the cluster chooses them"},
    "own-migrations": {"deployment-strategy": "no two versions may run at a time"},
    "sqlite": {
        "deployment-replicas": "SQLite has one writer",
        "deployment-strategy": "SQLite has one writer",
    },
    "unobserved": {
        "pod-networkpolicy": "another tool makes them",
        "deployment-has-poddisruptionbudget": "another tool makes it",
    },
}


def score(manifests: str, exempt: dict[str, str]) -> list[str]:
    ignored = [part for check in exempt for part in ("--ignore-test", check)]
    # A limit on CPU slows a service down while the node idles: research/chart.md, P17.
    options = ["--ignore-container-cpu-limit", "--kubernetes-version", "v1.33", "--output-format", "ci"]
    printed = run("kube-score", "score", *options, *ignored, "-", input=manifests).stdout
    assert "[OK]" in printed
    return [line for line in printed.splitlines() if not line.startswith(("[OK]", "[SKIPPED]"))]


def test_kube_score_finds_nothing(scenario: Path, manifests: str) -> None:
    exempt = EXEMPT | EXEMPT_IN.get(scenario.stem.removesuffix("-values"), {})
    assert score(manifests, exempt) == []


def test_every_exemption_is_needed() -> None:
    for name, exempt in EXEMPT_IN.items():
        manifests = render(CHART, "--values", CHART / f"ci/{name}-values.yaml")
        for check in exempt:
            assert score(manifests, EXEMPT | {other: "" for other in exempt if other != check})


def test_kube_score_finds_a_defect(copied: Path) -> None:
    plant(copied, "values.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")
    assert score(render(copied, "--values", MINIMAL), EXEMPT)


# --- what the suites and the documents say is true -------------------------------------------------------------------


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


# --- the admin port is nobody's but the cluster's --------------------------------------------------------------------


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


# --- every value has an effect ---------------------------------------------------------------------------------------

Path_ = tuple[str, ...]


def leaves(values: object, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    else:
        yield path


def without(values: Any, path: Path_) -> Any:
    """Return a copy in which the path is not set, nor a map that it alone was in."""
    head, *rest = path
    copied = dict(values)
    if rest and (inner := without(copied[head], tuple(rest))):
        copied[head] = inner
    else:
        del copied[head]
    return copied


def ineffective(chart: Path, scenarios: list[Path], folder: Path) -> list[str]:
    """Return each value of a scenario that renders the same, notes included, when it is not set."""

    def notes_and_manifests(values: object, name: str) -> str:
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(values))
        result = run("helm", "template", "orders", chart, *KUBE_VERSION, "--values", path)
        return result.stdout if result.returncode == 0 else f"refused: {result.stderr}"

    found = []
    with ThreadPoolExecutor(4) as pool:
        for scenario in scenarios:
            values = yaml.safe_load(scenario.read_text())
            whole = notes_and_manifests(values, "whole")
            paths = [".".join(path) for path in leaves(values)]
            unset = pool.map(
                notes_and_manifests,
                (without(values, path) for path in leaves(values)),
                (path.replace("/", "_") for path in paths),
            )
            found += [f"{scenario.stem}: {path}" for path, text in zip(paths, unset, strict=True) if text == whole]
    return found


def test_no_value_of_a_scenario_is_without_effect(tmp_path: Path) -> None:
    # The whole of it is a parent chart's business.
    assert ineffective(CHART, SCENARIOS, tmp_path) == ["everything-values: global.anything"]


def test_a_value_without_effect_is_found(copied: Path, tmp_path: Path) -> None:
    plant(copied, "templates/deployment.yaml", "minReadySeconds: {{ .Values.minReadySeconds }}", "minReadySeconds: 5")
    values = tmp_path / "values.yaml"
    values.write_text("{database: {existingSecret: orders}, minReadySeconds: 7}")
    assert ineffective(copied, [values], tmp_path) == ["values: minReadySeconds"]


# Passed on whole: there is no way of use that weakens them.
PASSED_ON = {"podSecurityContext", "securityContext"}


def untried(defaults: object, scenarios: list[object]) -> list[str]:
    """Return the values that no scenario sets to something else than the default."""

    def differs(default: Any, values: object, path: Path_) -> Iterator[Path_]:
        if isinstance(default, dict) and default:
            for key, inner in default.items():
                if isinstance(values, dict) and key in values:
                    yield from differs(inner, values[key], (*path, key))
        elif values != default:
            yield path

    tried = {path for values in scenarios for path in differs(defaults, values, ())}
    return [".".join(path) for path in leaves(defaults) if path not in tried and path[0] not in PASSED_ON]


def load(path: Path) -> object:
    return yaml.safe_load(path.read_text())


def test_every_value_is_tried_by_a_scenario() -> None:
    assert untried(load(CHART / "values.yaml"), [load(path) for path in SCENARIOS]) == []


def test_a_value_that_is_not_tried_is_found() -> None:
    assert untried({"a": {"b": 1, "c": 2}}, [{"a": {"b": 2, "c": 2}}]) == ["a.c"]


def every_object(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield each map of the schema that lists its keys."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield ", ".join(schema["properties"]), schema
        for inner in schema.values():
            yield from every_object(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from every_object(inner)


def test_a_misspelt_value_is_an_error_wherever_keys_are_listed() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    open_maps = [keys for keys, inner in every_object(schema) if inner.get("additionalProperties") is not False]
    assert open_maps == ["imageRegistry, imagePullSecrets"]


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize(
    ("value", "path", "shown"),
    [
        ("replicaCount=0", "spec.replicas", 0),
        ("replicaCount=null", "spec.replicas", None),
        ("minReadySeconds=0", "spec.minReadySeconds", 0),
        ("config.APP_ENV=null", "spec.template.metadata.annotations.checksum/config", None),
        ("probes.liveness=null", "spec.template.spec.containers.0.livenessProbe", None),
        ("resources.limits.memory=null", "spec.template.spec.containers.0.resources.limits.memory", None),
        ("podSecurityContext.fsGroup=null", "spec.template.spec.securityContext.fsGroup", None),
    ],
)
def test_zero_and_null_are_honoured(value: str, path: str, shown: object, helm: str) -> None:
    rendered = objects(render(CHART, "--values", MINIMAL, "--set", value, helm=helm))
    found: Any = next(item for item in rendered if item["kind"] == "Deployment")
    for key in path.split("."):
        found = found[int(key)] if isinstance(found, list) else found.get(key)
    assert found == shown

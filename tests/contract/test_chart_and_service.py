"""Chart and service keep one contract: the variables, the commands, the probes, the drain, the user, the folders."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from support.charts import CHART, SCENARIOS, Object, containers, copy, objects, plant, pod_templates, render, run
from support.process import Service, until

MINIMAL = ("--values", CHART / "ci/minimal-values.yaml")
EVERYTHING = ("--values", CHART / "ci/everything-values.yaml")
# Of OpenTelemetry's SDK, which reads them itself; the reference names these families.
SDK = re.compile(r"OTEL_(TRACES_SAMPLER|RESOURCE_ATTRIBUTES|BSP_)")


@pytest.fixture(scope="session")
def described(installed: Path) -> dict[str, Any]:
    """What the service's JSON Schema says of each variable."""
    schema: dict[str, dict[str, Any]] = json.loads(
        Service(installed, {}).run("config", "--format", "json-schema").stdout
    )
    return schema["properties"]


@pytest.fixture(scope="session")
def known(described: dict[str, Any]) -> set[str]:
    return set(described)


def given(rendered: list[Object]) -> dict[str, str]:
    """Return what the chart sets in the service's container, and the files that it mounts as settings."""
    (pod,) = (pod for name, pod in pod_templates(rendered) if name.startswith("Deployment/"))
    (app,) = (container for container in pod["spec"]["containers"] if container["name"] == "app")
    config: dict[str, str] = next((item["data"] for item in rendered if item["kind"] == "ConfigMap"), {})
    env = {variable["name"]: str(variable.get("value", "")) for variable in app["env"]}
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    secrets = [
        source["secret"] for source in volumes.get("secrets", {"projected": {"sources": []}})["projected"]["sources"]
    ]
    files = {item["path"]: "" for secret in secrets for item in secret.get("items", [])}
    return config | env | files


def unknown(rendered: list[Object], known: set[str]) -> list[str]:
    names = (name for name in given(rendered) if not name.startswith("K8S_") and not SDK.match(name))
    return [name for name in names if name not in known]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem.removesuffix("-values"))
def test_every_variable_that_the_chart_sets_is_a_setting(scenario: Path, known: set[str]) -> None:
    assert unknown(objects(render(CHART, "--values", scenario)), known) == []


def test_a_variable_that_is_no_setting_is_found(tmp_path: Path, known: set[str]) -> None:
    chart = copy(tmp_path / "service")
    plant(chart, "templates/_pod.tpl", '"APP_ADMIN__PORT"', '"APP_ADMIN_PORT"')
    assert unknown(objects(render(chart, *MINIMAL)), known) == ["APP_ADMIN_PORT"]


# Refused as variables, with what to set instead: _validate.tpl.
OWNED = {
    "APP_SECRETS_DIR": "",
    "PORT": "containerPorts.http=8001",
    "APP_ADMIN__PORT": "containerPorts.admin=9091",
    "APP_SHUTDOWN__DRAIN": "shutdown.drain=7",
    "APP_SHUTDOWN__REQUESTS": "shutdown.requests=7",
    "APP_SHUTDOWN__TELEMETRY": "shutdown.telemetry=7",
    "DATABASE_URL": "database.existingSecret=other",
    "REDIS_URL": "redis.existingSecret=other",
}


def test_every_setting_can_be_set(known: set[str]) -> None:
    free = sorted(known - OWNED.keys() - {"OTEL_EXPORTER_OTLP_HEADERS"})
    arguments = [part for name in free for part in ("--set-string", f"config.{name}=x")]
    config = next(item for item in objects(render(CHART, *MINIMAL, *arguments)) if item["kind"] == "ConfigMap")
    assert config["data"].keys() >= set(free)
    for name, argument in OWNED.items():
        refused = run("helm", "template", "orders", CHART, *map(str, MINIMAL), "--set", f"config.{name}=1")
        assert f"config.{name} is the chart's" in refused.stderr
        assert not argument or name in given(objects(render(CHART, *MINIMAL, "--set", argument)))


def test_the_values_reach_the_settings() -> None:
    found = given(objects(render(CHART, *EVERYTHING)))
    drain = {name: found[f"APP_SHUTDOWN__{name}"] for name in ("DRAIN", "REQUESTS", "TELEMETRY")}
    assert drain == {"DRAIN": "7", "REQUESTS": "30", "TELEMETRY": "4"}
    assert (found["PORT"], found["APP_ADMIN__PORT"]) == ("8080", "9191")


def test_the_chart_s_drain_is_the_settings_own(described: dict[str, Any]) -> None:
    found = given(objects(render(CHART, *MINIMAL)))
    drain = [name for name in described if name.startswith("APP_SHUTDOWN__")]
    assert drain
    for name in drain:
        assert float(found[name]) == described[name]["default"]


def closing_seconds(runtime: Path) -> float:
    """Return how long closing takes at most: each resource that the lifespan closes within its bound."""
    lifespan = (runtime / "lifespan.py").read_text()
    (bound,) = re.findall(r"^CLOSE_TIMEOUT = ([\d.]+)$", lifespan, re.M)
    calls = [node for node in ast.walk(ast.parse(lifespan)) if isinstance(node, ast.Call)]
    closed = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "_close"]
    assert closed
    return float(bound) * len(closed)


def grace(rendered: list[Object]) -> float:
    (pod,) = (pod for name, pod in pod_templates(rendered) if name.startswith("Deployment/"))
    return float(pod["spec"]["terminationGracePeriodSeconds"])


def needed(rendered: list[Object], closing: float) -> float:
    """Return the seconds from the pod's deletion to the process's end, at worst."""
    (pod,) = (pod for name, pod in pod_templates(rendered) if name.startswith("Deployment/"))
    (app,) = (container for container in pod["spec"]["containers"] if container["name"] == "app")
    sleep = app.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    found = given(rendered)
    steps = sum(float(found[f"APP_SHUTDOWN__{step}"]) for step in ("DRAIN", "REQUESTS", "TELEMETRY"))
    return float(sleep) + steps + closing


@pytest.mark.parametrize("values", [MINIMAL, EVERYTHING], ids=["defaults", "others"])
def test_the_grace_period_covers_the_drain(installed: Path, values: tuple[str, Path]) -> None:
    rendered = objects(render(CHART, *values))
    (runtime,) = installed.glob("src/*/runtime")
    assert grace(rendered) > needed(rendered, closing_seconds(runtime))


def test_a_grace_period_that_is_too_short_is_found(tmp_path: Path, installed: Path) -> None:
    chart = copy(tmp_path / "service")
    plant(chart, "templates/deployment.yaml", ".telemetry 10", ".telemetry 5")
    rendered = objects(render(chart, *MINIMAL))
    (runtime,) = installed.glob("src/*/runtime")
    assert grace(rendered) < needed(rendered, closing_seconds(runtime))


def probes(rendered: list[Object]) -> dict[str, tuple[str, int]]:
    """Return each probe's path and the number of its port."""
    (pod,) = (pod for name, pod in pod_templates(rendered) if name.startswith("Deployment/"))
    (app,) = (container for container in pod["spec"]["containers"] if container["name"] == "app")
    ports = {port["name"]: port["containerPort"] for port in app["ports"]}
    kinds = ("startup", "liveness", "readiness")
    return {kind: (get["path"], ports[get["port"]]) for kind in kinds for get in [app[f"{kind}Probe"]["httpGet"]]}


def test_every_probe_and_the_metrics_are_answered(service: Service, tmp_path: Path) -> None:
    rendered = objects(
        render(CHART, "--values", CHART / "ci/minimal-values.yaml", "--set", "metrics.discovery=serviceMonitor")
    )
    port = int(given(rendered)["APP_ADMIN__PORT"])
    (monitor,) = (item for item in rendered if item["kind"] == "ServiceMonitor")
    paths = [monitor["spec"]["endpoints"][0]["path"]]
    for path, number in probes(rendered).values():
        assert number == port
        paths.append(path)
    with service.served(tmp_path / "log") as server:
        assert {path: server.admin(path).status_code for path in paths} == dict.fromkeys(paths, 200)
        assert server.admin("/healthz").status_code == 404


def unmeasured(folder: Path, exposed: str) -> set[str]:
    """Return the metrics in a chart's alerts and dashboards that the service does not have."""
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    named = {name for text in texts for name in re.findall(r"(\w+)\{job=", text)}
    assert named
    return named - set(re.findall(r"^(\w+)", exposed, re.M))


def test_alerts_and_dashboards_ask_for_metrics_that_the_service_has(service: Service, tmp_path: Path) -> None:
    with service.served(tmp_path / "log") as server:
        until(lambda: server.metric("dependency_up", name="database") == 1, "a first check")
        httpx2.get(f"{server.url}/no-such-path")
        exposed = server.admin("/metrics").text
    assert unmeasured(CHART / "files", exposed) == set()
    chart = copy(tmp_path / "service")
    plant(chart, "files/alerts/service.yaml", "dependency_up{", "dependency_is_up{")
    assert unmeasured(chart / "files", exposed) == {"dependency_is_up"}


def test_the_ports_are_those_of_the_image(installed: Path) -> None:
    (exposed,) = re.findall(r"^EXPOSE (.*)$", (installed / "Dockerfile").read_text(), re.M)
    found = given(objects(render(CHART, *MINIMAL)))
    assert exposed.split() == [found["PORT"], found["APP_ADMIN__PORT"]]


def test_every_pod_runs_as_the_image_s_user(installed: Path) -> None:
    (user,) = re.findall(r"^USER (\d+:\d+)$", (installed / "Dockerfile").read_text(), re.M)
    for _, pod in pod_templates(objects(render(CHART, *MINIMAL))):
        context = pod["spec"]["securityContext"]
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == user


def commands(rendered: list[Object]) -> list[list[str]]:
    """Return the arguments of each container of the service's image."""
    own = {pod["spec"]["containers"][0]["image"] for name, pod in pod_templates(rendered) if name.startswith("Deploy")}
    every = [container for _, pod in pod_templates(rendered) for container in containers(pod)]
    return [container["args"] for container in every if container["image"] in own and "args" in container]


@pytest.mark.parametrize("scenario", ["minimal", "sqlite"])
def test_every_command_is_one_of_the_service(service: Service, scenario: str) -> None:
    rendered = objects(render(CHART, "--values", CHART / f"ci/{scenario}-values.yaml"))
    found = {arguments[0]: arguments[1:] for arguments in commands(rendered)}
    assert found.keys() == ({"migrate", "smoke", "wait-for-schema"} if scenario == "minimal" else {"migrate", "smoke"})
    for command, options in found.items():
        usage = service.run(command, "--help").stdout
        for option in options:
            if option.startswith("--"):
                assert option.partition("=")[0] in usage


def test_a_command_that_is_none_is_found(service: Service) -> None:
    assert "invalid choice" in service.run("migrat", "--help", code=2).stderr


def test_the_mounts_are_where_the_service_looks(installed: Path, described: dict[str, Any]) -> None:
    """The secrets in the default of APP_SECRETS_DIR, SQLite's volume where the default of DATABASE_URL leads."""
    dockerfile = (installed / "Dockerfile").read_text()
    (workdir,) = re.findall(r"^WORKDIR (/app)$", dockerfile, re.M)

    def mounts(scenario: str) -> dict[str, str]:
        rendered = objects(render(CHART, "--values", CHART / f"ci/{scenario}-values.yaml"))
        (pod,) = (pod for name, pod in pod_templates(rendered) if name.startswith("Deployment/"))
        return {mount["name"]: mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}

    assert mounts("minimal")["secrets"] == described["APP_SECRETS_DIR"]["default"]
    database = Path(workdir, "var/service.db")
    assert f"sqlite:///{database.relative_to(workdir)}" in (installed / ".env.example").read_text()
    assert mounts("sqlite")["data"] == str(database.parent)


def test_the_chart_is_of_the_service_s_version(installed: Path) -> None:
    (version,) = re.findall(r'^version = "(.*)"$', (installed / "pyproject.toml").read_text(), re.M)
    (chart,) = installed.glob("charts/*/Chart.yaml")
    assert yaml.safe_load(chart.read_text())["appVersion"] == version

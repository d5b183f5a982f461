"""The pods that the chart makes are restricted, and kube-score finds nothing."""

from pathlib import Path

import pytest

from support.charts import (
    CHART,
    Object,
    containers,
    objects,
    plant,
    pod_templates,
    render,
    run,
)

MINIMAL = CHART / "ci/minimal-values.yaml"


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

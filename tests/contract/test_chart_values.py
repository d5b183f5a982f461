"""Every value of the chart has an effect, and is tried."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.charts import (
    CHART,
    HELMS,
    KUBE_VERSION,
    SCENARIOS,
    objects,
    plant,
    render,
    run,
)

MINIMAL = CHART / "ci/minimal-values.yaml"


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

"""A service names one version of its template wherever it names one. (The running one: tests/exercise/test_serve.py)"""

import json

import pytest

from support.answers import LONGEST, WITHOUT_EXAMPLE
from support.baking import ROOT, Bake
from support.drift import template_versions


@pytest.mark.parametrize("answers", [{}, LONGEST | WITHOUT_EXAMPLE], ids=["with the example", "without"])
def test_the_template_version_is_the_same_wherever_it_stands(bake: Bake, answers: dict[str, str]) -> None:
    version = json.loads((ROOT / "cookiecutter.json").read_text())["_template_version"]
    assert set(template_versions(bake(**answers)).values()) == {version}


@pytest.mark.parametrize(
    "name",
    ["src/orders_service/runtime/VERSION", "charts/orders-service/Chart.yaml", "catalog-info.yaml", "Dockerfile"],
)
def test_a_version_that_stayed_behind_is_found(bake: Bake, name: str) -> None:
    service = bake()
    version = template_versions(service)["runtime"]
    (service / name).write_text((service / name).read_text().replace(version, "0.0.1"))
    assert sorted(template_versions(service).values()) == ["0.0.1", version, version, version]

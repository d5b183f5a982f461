"""Which version of the template a service says that it has, wherever it says so."""

import re
from pathlib import Path
from typing import Any

import yaml

ANNOTATION = "slipway.dev/template-version"


def template_versions(service: Path) -> dict[str, str]:
    """Return the versions that a service's files name, by where they stand."""
    (version,) = service.glob("src/*/runtime/VERSION")
    (chart,) = service.glob("charts/*/Chart.yaml")
    catalog: dict[str, Any] = yaml.safe_load((service / "catalog-info.yaml").read_text())
    (label,) = re.findall(r'^ +dev\.slipway\.template\.version="(.*)"$', (service / "Dockerfile").read_text(), re.M)
    return {
        "runtime": version.read_text().strip(),
        "chart": yaml.safe_load(chart.read_text())["annotations"][ANNOTATION],
        "catalog": catalog["metadata"]["annotations"][ANNOTATION],
        "image": label,
    }

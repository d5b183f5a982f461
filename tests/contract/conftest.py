"""The chart, rendered for each of its ways of use."""

from pathlib import Path

import pytest

from support.charts import (
    CHART,
    SCENARIOS,
    copy,
    render,
)


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda path: path.stem.removesuffix("-values"))
def scenario(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(scope="module")
def manifests(scenario: Path) -> str:
    return render(CHART, "--values", scenario)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return copy(tmp_path / "service")

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Whatever the runbook sends its reader to look for is in the code."""

import ast
import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

import {{ cookiecutter.__package }}
from {{ cookiecutter.__package }}.runtime.http.limits import (
    Limit,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    variables,
)
from {{ cookiecutter.__package }}.runtime.observability import (
    metrics,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

RUNBOOK = Path(__file__).parents[2] / "docs/runbook.md"
SOURCES = Path({{ cookiecutter.__package }}.__file__).parent.rglob("*.py")
OTHERS = {"pg_locks", "trace_id"} | {limit.reason for limit in Limit}
"""Names that look like a metric's."""
VARIABLES = {variable for variable, _, _ in variables(Settings)}


def texts(source: str) -> set[str]:
    """Return the texts of a module, with `…` for what is filled in."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {re.sub(r"%\w", "…", value) for value in constants if isinstance(value, str)}


TEXTS = {text for source in SOURCES for text in texts(source.read_text())}


def metric_names() -> dict[str, set[str]]:
    """Return the name of each metric as Prometheus knows it, with its labels."""
    names = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            names[family.name + ("_total" if family.type == "counter" else "")] = set(metric._labelnames)
    return names


def unknown(document: str) -> list[str]:
    """Return what a document names that is not in the code: metrics with their labels, variables, messages."""
    found = []
    names = metric_names() | {name: set() for name in OTHERS}
    for code in re.findall(r"`([^`]+)`", document):
        if metric := re.fullmatch(r"([a-z]+(?:_[a-z]+)+)(?:\{(\w+)=.*\})?", code):
            name, label = metric.groups()
            if name not in names or (label and label not in names[name]):
                found.append(code)
        elif re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9_]+)+", code) and code not in VARIABLES:
            found.append(code)
    headings = set(re.findall(r"^#+ (.*)$", document, re.M))
    quoted = set(re.findall(r'"([^"]+)"', re.sub(r"`[^`]+`", "", document)))
    return found + sorted(quoted - TEXTS - headings)


def test_everything_that_the_runbook_names_is_in_the_code() -> None:
    assert unknown(RUNBOOK.read_text()) == []


def test_every_metric_of_the_runtime_is_in_the_runbook_or_tells_of_no_trouble() -> None:
    quiet = {"dependency_check_duration_seconds"}
    runbook = RUNBOOK.read_text()
    assert [name for name in metric_names() if name not in runbook] == sorted(quiet)


@pytest.mark.parametrize(
    "planted",
    ["`requests_lost_total`", '`dependency_up{place="x"}`', "`APP_HTTP__MAX_IN_FLIGH`", '"The event loop is stuck."'],
)
def test_what_is_not_in_the_code_is_found(planted: str) -> None:
    assert len(unknown(RUNBOOK.read_text() + planted)) == 1

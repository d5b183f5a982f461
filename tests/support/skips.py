"""A pytest plugin: where CI is true, a test is skipped only for a reason that is expected there."""

import os
from collections.abc import Generator
from typing import Any

import pytest

EXPECTED = (
    "there is no python3.",
    "there is no Jaeger",
    "there is no toxiproxy",
    # A container may have none.
    "there are no namespaces here",
    # The chart's tools: a machine has them on PATH or in ../shared/cluster/bin.
    "there is no helm",
    "there is no kube-score",
    "KUBECONFIG names no cluster",
    "there is no Prometheus operator",
    "only the test cluster",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        where: Any = report.longrepr
        reason = str(where[2]).removeprefix("Skipped: ")
        if not reason.startswith(EXPECTED):
            report.outcome = "failed"
            report.longrepr = f"skipped in CI, where it must run: {reason}"
    return report

"""Requests made from the service's own OpenAPI document, by schemathesis, whose checks are all on.

Each run sends its share of 20,000, both databases and all runs taken together.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.process import Server, Service
from support.seed import REPEAT, SEED

RUNS = range(3)
SHARE = 20_000 // (2 * len(RUNS)) + 1
PHASES = {"examples", "coverage", "fuzzing", "stateful"}


def schemathesis(
    server: Server, folder: Path, *, seed: int, size: int, path: str = "/v1"
) -> tuple[dict[str, Any], str]:
    """Return schemathesis's report, and what it printed. `size` is its `--max-examples`, for an operation and phase."""
    command = [str(Path(sys.executable).with_name("schemathesis"))]
    command += ["--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run", "--no-color"]
    command += ["--checks=all", f"--seed={seed}", f"--max-examples={size}", f"--include-path-regex=^{path}"]
    command += [f"--report-json-path={folder}/report.json", f"{server.url}/openapi.json"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("hooks.py"))}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    printed = result.stdout + result.stderr
    report = folder / "report.json"
    assert report.exists(), printed
    return json.loads(report.read_text()), printed


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(("stores", "first"), [("sqlite", 0), ("postgresql_and_redis", len(RUNS))])
def test_the_service_is_what_its_document_says(
    stores: str, first: int, run: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    service: Service = request.getfixturevalue(stores)
    with service.served(tmp_path / "log") as server:
        report, printed = schemathesis(server, tmp_path, seed=SEED * 100 + first + run, size=900)
        assert report["failures"] == report["errors"] == [], f"{printed}\n{REPEAT}"
        assert report["complete"]
        assert {name for name, phase in report["phases"].items() if phase["status"] == "success"} == PHASES, printed
        sent = report["test_cases"]["generated"]
        assert sent >= SHARE
        # The service has seen them all; and before them a request for the document, and one to find out what it takes.
        assert server.metric("http_server_request_duration_seconds_count") == sent + 2
        # They got as far as they were meant to.
        for method, status in (("POST", 201), ("GET", 200), ("PATCH", 200), ("DELETE", 204)):
            labels = {"http_request_method": method, "http_response_status_code": str(status)}
            assert server.metric("http_server_request_duration_seconds_count", **labels) > 10
        assert not [line for line in server.log() if line["level"] in ("ERROR", "CRITICAL")]


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/test/fail", "Server error"),
        ("/test/undocumented", "Undocumented status code"),
        ("/test/untrue", "Response violates schema"),
    ],
)
def test_a_route_that_is_not_what_the_document_says_is_found(
    sqlite: Service, tmp_path: Path, path: str, title: str
) -> None:
    with sqlite.faulty().served(tmp_path / "log") as server:
        report, printed = schemathesis(server, tmp_path, seed=SEED, size=10, path=path)
    assert title in {failure["title"] for failure in report["failures"]}, printed

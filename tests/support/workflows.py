"""The commands of GitHub's workflows, run as they stand there.

A test takes the fixture `lines` with a tuple of them as its parameter. Loaded as a plugin, this module prints the lines
of every test that was collected, so that a workflow's can be held against them.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml


def workflows(layer: Path) -> list[Path]:
    return sorted((layer / ".github/workflows").glob("*.yml"))


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs: dict[str, Any] = yaml.safe_load(workflow.read_text())["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def commands(layer: Path) -> set[str]:
    """Return what the layer's workflows run."""
    return {step["run"] for workflow in workflows(layer) for step in steps(workflow) if "run" in step}


class Lines:
    def __init__(self, lines: tuple[str, ...]) -> None:
        self._lines = lines
        self.ran = False

    def run(self, folder: Path, env: Mapping[str, str]) -> str:
        """Run each as GitHub does, and return what they printed; fail the test with it where one fails."""
        self.ran, printed = True, ""
        for line in self._lines:
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", line]
            result = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
            printed += result.stdout
            assert result.returncode == 0, f"{line}: {result.stdout}{result.stderr}"
        return printed


MARK = "line of a workflow: "


def pytest_collection_finish(session: pytest.Session) -> None:
    for item in session.items:
        if "lines" in getattr(item, "fixturenames", ()):
            callspec: Any = getattr(item, "callspec", None)
            for line in callspec.params["lines"]:
                print(f"\n{MARK}{line}")

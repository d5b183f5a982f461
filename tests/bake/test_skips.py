"""In CI a skip that nobody expected is a failure, so that a tier can't fall silent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.baking import ROOT


@pytest.mark.parametrize(
    ("ci", "reason", "passes"),
    [
        ("true", "there is no PostgreSQL", False),
        ("true", "there is no python3.12 here", True),
        ("", "there is no PostgreSQL", True),
    ],
)
def test_a_skip_in_ci_needs_an_expected_reason(tmp_path: Path, ci: str, reason: str, passes: bool) -> None:
    (tmp_path / "test_it.py").write_text(f"import pytest\n\n\ndef test_it():\n    pytest.skip({reason!r})\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "support.skips",
        "--rootdir",
        str(tmp_path),
        "-c",
        "/dev/null",
        ".",
    ]
    env = os.environ | {"CI": ci, "PYTHONPATH": str(ROOT / "tests")}
    result = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (result.returncode == 0) == passes, result.stdout
    assert passes or reason in result.stdout

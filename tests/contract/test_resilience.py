"""The page of what was measured in faults: whole, and as the run writes it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.baking import ROOT
from support.resilience import DOCUMENT, NUMBERS, Row, Table, missing, parse, render

ROWS = tuple(Row(number, "fault | of it", "pass line", "1 s", "> 10 s, given up") for number in NUMBERS)
TABLE = Table("2026-01-02", "2 processors, Python 3.11.7", ROWS)


def test_what_was_written_is_read_back() -> None:
    assert parse(render(TABLE)) == TABLE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("> 10 s, given up |", "> 10 s | given up"),
        ("| 3 | fault", "|3| fault"),
        ("Measured on", "Made on"),
        ("\n|", "\n\n|"),
    ],
)
def test_what_was_written_by_hand_is_none_of_it(old: str, new: str) -> None:
    text = render(TABLE)
    assert old in text
    with pytest.raises((ValueError, TypeError)):
        parse(text.replace(old, new, 1))


def test_the_page_has_all_twelve() -> None:
    assert missing(parse(DOCUMENT.read_text()).rows) == []
    assert missing(ROWS[:2] + ROWS[4:]) == [3, 4]


RUN = """
import pytest

@pytest.mark.parametrize("number", range(1, 13))
def test_a_fault(number, measured):
    measured(number, "fault", "pass line", ours="1 s", plain="2 s")

def test_that_measures_nothing():
    assert {passes}
"""


@pytest.mark.parametrize(
    ("passes", "arguments", "says"),
    [
        ("True", ["-n2"], "written, with 12 rows"),
        ("False", ["-n0"], "test_that_measures_nothing failed"),
        ("pytest.skip('means')", ["-n0"], "test_that_measures_nothing skipped"),
        ("True", ["-n0", "--deselect=test_run.py::test_that_measures_nothing"], "was deselected"),
    ],
    ids=["whole", "failed", "skipped", "deselected"],
)
def test_only_a_whole_run_writes_the_page(tmp_path: Path, passes: str, arguments: list[str], says: str) -> None:
    shutil.copy(ROOT / "tests/fault/conftest.py", tmp_path)
    (tmp_path / "test_run.py").write_text(RUN.format(passes=passes))
    page = tmp_path / "page.md"
    command = [sys.executable, "-m", "pytest", f"--write-resilience={page}", *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    result = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert says in result.stdout
    assert page.exists() is ("written, with" in says)
    if page.exists():
        assert missing(parse(page.read_text()).rows) == []

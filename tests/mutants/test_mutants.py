"""Each defect, planted in a copy of this checkout, is caught by the check that is meant for it, and for its reason."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mutants.chart_defects import CHART_DEFECTS
from mutants.defect import SERVICE, Defect
from mutants.service_defects import SERVICE_DEFECTS
from mutants.template_defects import TEMPLATE_DEFECTS
from support import baking
from support.answers import SHORTEST
from support.baking import ROOT
from support.checkout import copy_checkout

DEFECTS = [*TEMPLATE_DEFECTS, *CHART_DEFECTS, *SERVICE_DEFECTS]


@dataclass(frozen=True)
class Checkout:
    """A copy of this checkout, in which a check runs as it does here."""

    folder: Path
    fixture: Callable[[str], Any]
    """Returns another fixture, if it is needed."""

    def run(self, checks: list[str], work: Path) -> dict[str, str]:
        """Run checks, all of the template or all of a service, and return what each failed one said."""
        report = work / "report.xml"
        report.unlink(missing_ok=True)
        command = ["-m", "pytest", "-vv", "-p", "no:cacheprovider", f"--junit-xml={report}"]
        if checks[0].startswith(SERVICE):
            python = self.fixture("installed") / ".venv/bin/python"
            service = baking.bake(work / "bake", SHORTEST, template=self.folder)
            checks = [check.removeprefix(SERVICE) for check in checks]
            where = service
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(service / "src"),
                "TEST_DATABASE_URL": self.fixture("postgresql_url"),
                "TEST_REDIS_URL": self.fixture("redis_url"),
            }
        else:
            python, where = Path(sys.executable), self.folder
            command.append("--numprocesses=0")
            environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        ran = subprocess.run(
            [python, *command, *checks], cwd=where, env=environment, capture_output=True, text=True, check=False
        )
        assert report.exists(), ran.stdout + ran.stderr
        return failed(report)


def failed(report: Path) -> dict[str, str]:
    """Return what each test that failed said; skip where the check's means are missing.

    Raises:
        AssertionError: no test ran, or one could not be set up.
    """
    cases = list(ElementTree.parse(report).iter("testcase"))
    assert cases, "the check is not there, or could not be collected"
    assert [error.get("message") for case in cases for error in case.iter("error")] == []
    skipped = [skip.get("message") for case in cases for skip in case.iter("skipped")]
    if len(skipped) == len(cases):
        pytest.skip(str(skipped[0]))
    return {
        f"{case.get('classname')}::{case.get('name')}": f"{failure.get('message')}\n{failure.text}"
        for case in cases
        for failure in case.iter("failure")
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Checkout:
    folder = copy_checkout(tmp_path_factory.mktemp("checkout") / "template")
    # The rules ask git what belongs to the checkout; tools that were unpacked once are not unpacked again.
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    (ROOT / "build").mkdir(exist_ok=True)
    (folder / "build").symlink_to(ROOT / "build")
    if (ROOT.parent / "shared").exists():
        (folder.parent / "shared").symlink_to(ROOT.parent / "shared")
    return Checkout(folder, request.getfixturevalue)


@pytest.fixture
def planted(checkout: Checkout) -> Iterator[Callable[[Defect], None]]:
    """Plant a defect, and mend it afterwards."""
    before: dict[Path, bytes] = {}

    def plant(defect: Defect) -> None:
        path = checkout.folder / defect.file
        before[path] = path.read_bytes()
        changed, count = re.subn(defect.find, lambda _: defect.put, path.read_text(), count=1, flags=re.M)
        assert count, f"{defect.file} holds no {defect.find!r}: the list of defects is out of date"
        if changed:
            path.write_text(changed)
        else:
            path.unlink()

    yield plant
    for path, content in before.items():
        path.write_bytes(content)


@pytest.mark.parametrize("layer", ["template", "service"])
def test_the_checks_pass_where_nothing_is_planted(checkout: Checkout, tmp_path: Path, layer: str) -> None:
    """Else a defect would be caught by a check that always fails."""
    checks = sorted({defect.check for defect in DEFECTS if defect.check.startswith(SERVICE) == (layer == "service")})
    assert checkout.run(checks, tmp_path) == {}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_caught(
    checkout: Checkout,
    planted: Callable[[Defect], None],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    defect: Defect,
) -> None:
    record_property("defect", defect.name)
    record_property("check", defect.check)
    planted(defect)
    found = checkout.run([defect.check], tmp_path)
    assert found, "nothing failed"
    assert [said for said in found.values() if re.search(defect.says, said)], found

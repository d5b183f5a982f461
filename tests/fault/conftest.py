"""What the fault tests measure, and the page that a whole run makes of it."""

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from support.process import Server, Service
from support.resilience import Measured, Row, Table, libraries, missing, render
from support.servers import Running, new_database


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Iterator[Measured]:
    """Record rows of docs/resilience.md: `measured(7, "PostgreSQL silent", "503 in 2.5 s", ours=f"{took:.1f} s", …)`.

    The number is one of the twelve. `ours` and `plain` say what was measured in this run: never write a number by hand.
    Where plain FastAPI has no counterpart, say so. A test that takes this measures.
    """
    count = 0

    def record(number: int, fault: str, pass_line: str, *, ours: str, plain: str) -> None:
        nonlocal count
        count += 1
        record_property("row", tuple(Row(number, fault, pass_line, ours, plain)))

    yield record
    assert count, "takes `measured` and has measured nothing"


@pytest.fixture
def on_postgresql(service: Service, breakable_postgresql: Running) -> Service:
    """A service on a PostgreSQL database of its own, migrated."""
    service = service.given(DATABASE_URL=new_database(breakable_postgresql))
    service.run("migrate")
    return service


@pytest.fixture
def served_both(tmp_path: Path) -> Iterator[Callable[[Service], list[Server]]]:
    """Serve what is given, and the plain service in the same environment; logs are `ours` and `plain` in `tmp_path`."""
    with ExitStack() as closing:
        yield lambda service: [
            closing.enter_context(variant.served(tmp_path / name))
            for name, variant in (("ours", service), ("plain", service.plain()))
        ]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-resilience", metavar="PATH", type=Path, help="write the page, if all was measured")


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    # With workers, the reports come together in the process that started them.
    path = session.config.getoption("--write-resilience")
    if path and not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(_Page(path), "resilience")


class _Page:
    """Collects rows from the tests' reports, and writes the page after a run that left out nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[Row] = []
        self.left_out: list[str] = []
        self.told = "not written"

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.left_out += [f"{item.nodeid} was deselected" for item in items]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.left_out.append(f"{report.nodeid} {report.outcome}")
        elif report.when == "call":
            self.rows += [Row(*cast(Row, value)) for name, value in report.user_properties if name == "row"]

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        rows = tuple(sorted(self.rows, key=lambda row: row.number))
        if number := missing(rows):
            self.left_out.append(f"nothing was measured of {number}")
        if exitstatus == 0 and not self.left_out:
            self._path.write_text(render(Table(datetime.date.today().isoformat(), where(), rows)))
            self.told = f"written, with {len(rows)} rows"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section(f"{self._path}: {self.told}")
        for reason in self.left_out:
            terminalreporter.write_line(reason)
        for row in self.rows:
            terminalreporter.write_line(" | ".join(map(str, row)))


def where() -> str:
    return ", ".join(
        [
            f"{os.cpu_count()} processors",
            f"Python {platform.python_version()}",
            libraries(),
            f"PostgreSQL {version('postgres')}",
            f"Redis {version('redis-server')}",
        ]
    )


def version(server: str) -> str:
    command = next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{server}"))[-1:]), server)
    told = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    (found,) = re.findall(r"\d+(?:\.\d+)+", told)[:1]
    return str(found)

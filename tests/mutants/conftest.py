"""The table of what was planted and what found it."""

import pytest

Row = tuple[str, str, str]
ROWS = pytest.StashKey[list[Row]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


class _Rows:
    """Collects from each report, which with workers comes from another process."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = dict(report.user_properties)
        if report.when == "call" and "defect" in found:
            outcome = {"passed": "caught", "skipped": "skipped"}.get(report.outcome, "MISSED")
            self._rows.append((str(found["defect"]), str(found["check"]), outcome))


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(_Rows(session.config.stash[ROWS]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[ROWS]
    rows.sort(key=lambda row: (row[2] == "caught", row[1], row[0]))
    if not rows:
        return
    width = max(len(row[0]) for row in rows)
    terminalreporter.section("Planted defects, and the checks that were meant to find them")
    for defect, check, outcome in rows:
        terminalreporter.write_line(f"{outcome:7}  {defect:{width}}  {check}")

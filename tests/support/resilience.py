"""docs/resilience.md: the faults that `make test-faults` measured, as a table that can be read back."""

import re
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from support.baking import ROOT, TEMPLATE

DOCUMENT = ROOT / "docs/resilience.md"
NUMBERS = range(1, 13)
"""The twelve that a service must survive; each has a row at least."""

_LIBRARIES = ("fastapi", "starlette", "uvicorn", "httptools", "sqlalchemy", "sqlmodel", "psycopg", "redis")
_PAGE = """\
# Resilience

What a service of this template makes of each fault, measured on a real server process with real PostgreSQL and Redis,
and toxiproxy between them where it is the network that fails. Beside it a service as the documentation of uvicorn and
FastAPI would have one write it ([plain.py](../tests/support/plain.py)), in the same fault, by the same code.

`make servers test-faults` measures all of it anew in some minutes, and writes this page where no test failed. The
budgets of number 12 are told and not asserted, since machines differ.

Measured on {when}, on {where}.

| # | Fault | A service must | This template | Plain uvicorn and FastAPI |
|---:|---|---|---|---|
{rows}
"""


class Row(NamedTuple):
    number: int
    """Of the twelve."""
    fault: str
    pass_line: str
    ours: str
    plain: str


class Measured(Protocol):
    """Records a row; the fixture of this name in tests/fault."""

    def __call__(self, number: int, fault: str, pass_line: str, *, ours: str, plain: str) -> None: ...


@dataclass(frozen=True)
class Table:
    when: str
    where: str
    """The machine, and the versions of what ran on it."""
    rows: tuple[Row, ...]


def render(table: Table) -> str:
    rows = (" | ".join(str(cell).replace("|", r"\|") for cell in row) for row in table.rows)
    return _PAGE.format(when=table.when, where=table.where, rows="\n".join(f"| {row} |" for row in rows))


def parse(text: str) -> Table:
    """Return the table of a page.

    Raises:
        ValueError: it is none that `render` makes.
    """
    told = re.search(r"^Measured on (\S+), on (.*)\.$", text, re.M)
    if told is None:
        raise ValueError("does not say when and where it was measured")
    rows = []
    for line in re.findall(r"^\| (\d.*) \|$", text, re.M):
        number, *cells = (cell.replace(r"\|", "|") for cell in re.split(r" (?<!\\)\| ", line))
        rows.append(Row(int(number), *cells))
    table = Table(told[1], told[2], tuple(rows))
    if render(table) != text:
        raise ValueError("is not as it would be written")
    return table


def missing(rows: tuple[Row, ...]) -> list[int]:
    """Return the numbers that no row has."""
    return sorted(set(NUMBERS) - {row.number for row in rows})


def libraries() -> str:
    """Return the names and versions of what a service is born with."""
    lock = (TEMPLATE / "requirements.lock").read_text()
    versions = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.M))
    return ", ".join(f"{name} {versions[name]}" for name in _LIBRARIES)

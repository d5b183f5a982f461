"""Services on either database, with the routes of `ledger.py`; what is stored there; and callers that try again."""

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
import pytest

from support.process import Server, Service
from support.servers import Running, new_database

T = TypeVar("T")
PATIENCE = 30.0
"""Seconds: more than any answer takes, and than a caller goes on trying."""
TABLES = (
    "CREATE TABLE counter (name VARCHAR PRIMARY KEY, value INTEGER NOT NULL, version INTEGER NOT NULL)",
    "CREATE TABLE entry (name VARCHAR, owner VARCHAR REFERENCES counter DEFERRABLE INITIALLY DEFERRED)",
)
"""Of the routes in `ledger.py`."""


class Store:
    """A database as its administrator sees it, beside the service."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")

    def __call__(self, statement: str) -> list[tuple[str, ...]]:
        """Run a statement, and return its rows; what is null is an empty string."""
        if self.is_sqlite:
            connection = sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=PATIENCE, isolation_level=None)
            try:
                rows = connection.execute(statement).fetchall()
            finally:
                connection.close()
            return [tuple("" if value is None else str(value) for value in row) for row in rows]
        psql = ["psql", "--no-psqlrc", "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1", self.url, "-c", statement]
        told = subprocess.run(psql, check=True, capture_output=True, text=True).stdout
        return [tuple(line.split("\t")) for line in told.splitlines()]

    def count(self, table: str, where: str = "1 = 1") -> int:
        ((number,),) = self(f"SELECT count(*) FROM {table} WHERE {where}")
        return int(number)


class Stored:
    """A service on a new database of its own."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service.faulty("ledger.py")
        self.store = Store(service.variable("DATABASE_URL"))
        self._folder = folder

    def given(self, **variables: str) -> "Stored":
        return Stored(self.service.given(**variables), self._folder)

    def served(self) -> Any:
        """Serve, as often as one likes: each is a process of its own."""
        return self.service.served(self._folder / f"{uuid4().hex}.log")

    def count_to(self, *names: str, value: int = 0) -> None:
        """Make counters."""
        for name in names:
            self.store(f"INSERT INTO counter VALUES ('{name}', {value}, 1)")

    def value(self, name: str) -> int:
        ((value,),) = self.store(f"SELECT value FROM counter WHERE name = '{name}'")
        return int(value)


@pytest.fixture(scope="session")
def migrated_template(installed: Path, postgresql: Running) -> str:
    """The name of a PostgreSQL database with the service's schema, to be copied."""
    url = new_database(postgresql)
    Service(installed, {"DATABASE_URL": url}).run("migrate")
    for statement in TABLES:
        Store(url)(statement)
    return url.rpartition("/")[2]


@pytest.fixture
def in_sqlite(service: Service, tmp_path: Path) -> Stored:
    stored = Stored(service, tmp_path)
    for statement in TABLES:
        stored.store(statement)
    return stored


@pytest.fixture
def in_postgresql(installed: Path, postgresql: Running, migrated_template: str, tmp_path: Path) -> Stored:
    variables = {"DATABASE_URL": new_database(postgresql, migrated_template), "APP_SHUTDOWN__DRAIN": "0"}
    return Stored(Service(installed, variables), tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest) -> Stored:
    """A service on either database: a test that takes it runs on both."""
    found: Stored = request.getfixturevalue(f"in_{request.param}")
    return found


def client(server: Server) -> httpx2.Client:
    return httpx2.Client(base_url=server.url, timeout=PATIENCE, limits=httpx2.Limits(max_connections=100))


def may_be_repeated(answer: httpx2.Response) -> bool:
    """Say whether the service asks to try again: 503 with Retry-After is the only 5xx that it may give under load."""
    if answer.status_code == 503:
        assert answer.headers["retry-after"] == "1", answer.text
        return True
    assert answer.status_code < 500, answer.text
    return False


def insist(send: Callable[[], httpx2.Response]) -> httpx2.Response:
    """Send until the answer is no longer that one should try again."""
    deadline = time.monotonic() + PATIENCE
    while may_be_repeated(answer := send()):
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    return answer


def at_once(times: int, do: Callable[[int], T]) -> list[T]:
    """Do something so many times in parallel; each gets its number."""
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(do, range(times)))


def new_item(calls: httpx2.Client, path: str = "/v1/items", **item: str) -> httpx2.Response:
    created = insist(lambda: calls.post(path, json={"name": uuid4().hex, **item}))
    assert created.status_code == 201, created.text
    return created


def pages(calls: httpx2.Client, path: str = "/v1/items", limit: int = 7) -> Iterator[list[dict[str, Any]]]:
    cursor: dict[str, str] = {}
    while cursor.get("cursor", "") is not None:
        page = calls.get(path, params={"limit": str(limit), **cursor})
        assert page.status_code == 200, page.text
        yield page.json()["items"]
        cursor = {"cursor": page.json()["next_cursor"]}

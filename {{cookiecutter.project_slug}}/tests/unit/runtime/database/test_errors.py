# The template's: later versions change this file. Yours are listed in pyproject.toml.
import builtins
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, TimeoutError
from sqlalchemy.orm.exc import StaleDataError

from {{ cookiecutter.__package }}.runtime.database.errors import (
    Retry,
    is_retryable,
    is_unique_violation,
    problem_for,
)


def postgresql_error(sqlstate: str) -> DBAPIError:
    original = psycopg.errors.lookup(sqlstate)("canary")
    kinds = {psycopg.IntegrityError: IntegrityError, psycopg.OperationalError: OperationalError}
    kind = next((kind for base, kind in kinds.items() if isinstance(original, base)), DBAPIError)
    return kind("statement", {}, original)


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [
        ("08006", 503),  # connection failure
        ("22001", None),  # string too long: the schema of the request should have said so
        ("23502", None),  # not null
        ("23503", None),  # foreign key
        ("23505", 409),  # unique
        ("25006", None),  # a write in a ReadSession
        ("28P01", 503),  # password
        ("40001", 503),  # serialization failure
        ("40P01", 503),  # deadlock
        ("42501", None),  # privilege
        ("42P01", None),  # no such table
        ("53300", 503),  # too many connections
        ("55P03", 503),  # lock timeout
        ("57014", 503),  # statement timeout
        ("57P01", 503),  # shutdown
        ("XX000", None),  # internal error
    ],
)
def test_a_sqlstate_has_its_status(sqlstate: str, status: int | None) -> None:
    problem = problem_for(postgresql_error(sqlstate))
    assert (problem and problem.status_code) == status
    assert "canary" not in str(vars(problem) if problem else "")


def test_what_is_no_error_of_a_database_has_no_problem() -> None:
    assert problem_for(ValueError()) is None
    # The built-in one, as a feature's own call may raise it.
    assert problem_for(builtins.TimeoutError()) is None


@pytest.mark.parametrize(
    "error", [OperationalError("", {}, psycopg.OperationalError("connection failed")), TimeoutError()]
)
def test_a_connection_that_is_not_got_is_a_503_with_retry_after(error: Exception) -> None:
    problem = problem_for(error)
    assert problem is not None
    assert (problem.status_code, problem.headers) == (503, {"Retry-After": "1"})


@pytest.mark.parametrize("error", [StaleDataError(), Retry(), postgresql_error("40001"), postgresql_error("40P01")])
def test_what_only_others_made_fail_is_retried(error: Exception) -> None:
    assert is_retryable(error)


@pytest.mark.parametrize("sqlstate", ["23505", "55P03", "57014", "08006"])
def test_nothing_else_is_retried(sqlstate: str) -> None:
    assert not is_retryable(postgresql_error(sqlstate))


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "test.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)")
        connection.execute("INSERT INTO thing VALUES (1, 'Tea')")
        yield connection


def sqlite_error(connection: sqlite3.Connection, statement: str) -> DBAPIError:
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute(statement)
    kind = IntegrityError if isinstance(caught.value, sqlite3.IntegrityError) else OperationalError
    return kind(statement, {}, caught.value)


@pytest.mark.parametrize("values", ["(1, 'Coffee')", "(2, 'Tea')"], ids=["primary key", "unique"])
def test_a_unique_violation_of_sqlite_is_a_409(sqlite: sqlite3.Connection, values: str) -> None:
    error = sqlite_error(sqlite, f"INSERT INTO thing VALUES {values}")
    assert is_unique_violation(error)
    problem = problem_for(error)
    assert problem is not None
    assert problem.status_code == 409


def test_another_violation_of_sqlite_is_none(sqlite: sqlite3.Connection) -> None:
    error = sqlite_error(sqlite, "INSERT INTO thing VALUES (2, NULL)")
    assert not is_unique_violation(error)
    assert problem_for(error) is None


def test_a_locked_sqlite_is_a_503(sqlite: sqlite3.Connection, tmp_path: Path) -> None:
    sqlite.execute("BEGIN IMMEDIATE")
    with closing(sqlite3.connect(tmp_path / "test.db", isolation_level=None, timeout=0)) as other:
        problem = problem_for(sqlite_error(other, "BEGIN IMMEDIATE"))
    assert problem is not None
    assert problem.status_code == 503


def test_a_statement_that_is_wrong_does_not_mean_that_sqlite_is_away() -> None:
    original = sqlite3.OperationalError("no such table: canary")
    assert problem_for(OperationalError("statement", {}, original)) is None

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What a driver's error means: for the caller, and for whether to try again."""

import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, TimeoutError
from sqlalchemy.orm.exc import StaleDataError

from ..http.problems import Conflict, Problem, ServiceUnavailable

_RETRYABLE = frozenset({"40001", "40P01"})
"""SQLSTATE of a serialization failure and of a deadlock."""
_UNIQUE_VIOLATION = "23505"
_UNAVAILABLE_CLASSES = ("08", "28", "53", "57")
"""Connection, credentials, resources, operator: the statement timeout is 57014, a shutdown 57P01."""
_LOCK_NOT_AVAILABLE = "55P03"


def sqlstate(error: BaseException) -> str:
    original: Any = getattr(error, "orig", error)
    return getattr(original, "sqlstate", None) or ""


def is_unique_violation(error: BaseException) -> bool:
    original = getattr(error, "orig", error)
    return isinstance(error, IntegrityError) and (
        sqlstate(error) == _UNIQUE_VIOLATION
        or getattr(original, "sqlite_errorname", "") in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
    )


def is_lock_timeout(error: BaseException) -> bool:
    original = getattr(error, "orig", error)
    locked = isinstance(original, sqlite3.OperationalError) and "locked" in str(original)
    return locked or sqlstate(error) == _LOCK_NOT_AVAILABLE


class Retry(Exception):
    """Somebody else was first: doing the whole request again will find what they left."""


def is_retryable(error: BaseException) -> bool:
    """Say whether the transaction was refused only because of others at the same time."""
    return isinstance(error, StaleDataError | Retry) or sqlstate(error) in _RETRYABLE


def problem_for(error: BaseException) -> Problem | None:
    """Return the answer to a database error, or None where it is not one that the caller should know as such."""
    if is_unique_violation(error):
        return Conflict("Another resource has a value that must be unique.")
    if is_retryable(error):
        return ServiceUnavailable("The request met others on the same data; try again.")
    if isinstance(error, TimeoutError):
        return ServiceUnavailable("The database is busy; try again.")
    if not isinstance(error, DBAPIError):
        return None
    state = sqlstate(error)
    # The server itself was not reached, or has gone.
    lost = isinstance(error, OperationalError) and not state and not isinstance(error.orig, sqlite3.Error)
    if lost or error.connection_invalidated or state.startswith(_UNAVAILABLE_CLASSES) or is_lock_timeout(error):
        return ServiceUnavailable("The database does not answer in time; try again.")
    return None

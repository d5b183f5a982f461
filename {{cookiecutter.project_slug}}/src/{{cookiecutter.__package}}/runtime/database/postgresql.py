# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since psycopg bounds only each attempt to connect: connections that no silent server can hold up."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError

from ..observability.lines import add_secret
from ..sections import DatabaseSettings

T = TypeVar("T")

_DATA_EXCEPTION = "22"
"""The class of SQLSTATE."""
CANCEL_TIMEOUT = 0.5
"""Seconds in which a server must take the cancellation of what an abandoned request was waiting for."""
IDLE = 1.0
"""Seconds after which a connection is asked whether it still lives before it is used."""
PING_TIMEOUT = 0.5
ANSWER_GRACE = 0.5
"""Seconds that an answer may take beyond the statement timeout, so that a server that lives says itself what it was."""


def prepare(engine: Engine, settings: DatabaseSettings, url: Callable[[], str], application_name: str) -> None:
    """Bound the waits of an engine's connections, and read the credentials again for each new one."""
    limits = {
        "statement_timeout": settings.statement_timeout,
        "lock_timeout": settings.lock_timeout,
        "idle_in_transaction_session_timeout": settings.idle_in_transaction_timeout,
    }
    connection_parameters = {
        "async_creator_fn": _connector(settings.connect_timeout, settings.statement_timeout + ANSWER_GRACE),
        "application_name": application_name,
        # Whatever the server's is: a database made without a locale would answer in bytes.
        "client_encoding": "utf8",
        "options": " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in limits.items()),
        "tcp_user_timeout": int(settings.statement_timeout * 1000),
    }

    def do_connect(dialect: object, record: object, arguments: object, parameters: dict[str, Any]) -> None:
        value = url()
        current = make_url(value)
        for secret in (value, current.password):
            add_secret(secret or "")
        parameters |= connection_parameters | {"user": current.username, "password": current.password}

    event.listen(engine, "do_connect", do_connect)
    event.listen(engine, "checkin", _note_idle)
    event.listen(engine, "checkout", _ping_if_idle)


def _note_idle(connection: object, record: Any) -> None:
    record.info["idle_since"] = monotonic()


def _ping_if_idle(connection: Any, record: Any, proxy: object) -> None:
    if monotonic() - record.info.get("idle_since", monotonic()) < IDLE:
        return
    try:
        connection.run_async(lambda driver: driver.ping(PING_TIMEOUT))
    except psycopg.Error as error:
        # The pool takes this as "gone", opens another, and does the same with all others that it has.
        raise InvalidatePoolError from error


class BoundedConnection(psycopg.AsyncConnection[Any]):
    answer_timeout: float = inf
    """Seconds to wait for the server's answer; the server's own timeouts are no help where it is silent."""

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            return await super().wait(gen, interval, self.answer_timeout if timeout is None else timeout)
        except psycopg.Error as error:
            self._close_if_active()
            # The rest of a server's message repeats values: "Key (email)=(…) already exists". Where a value itself is
            # wrong, its first line does too: 'invalid input syntax for type integer: "…"'.
            if error.diag.message_primary:
                wrong_value = (error.sqlstate or "").startswith(_DATA_EXCEPTION)
                error.args = (type(error).__name__ if wrong_value else error.diag.message_primary,)
            raise

    async def cancel_safe(self, *, timeout: float = CANCEL_TIMEOUT) -> None:
        """Ask the server to cancel; close the connection where it does not take that at once. psycopg waits 10 s."""
        try:
            await super().cancel_safe(timeout=min(timeout, CANCEL_TIMEOUT))
        except psycopg.Error:
            self._close_if_active()
            raise

    async def ping(self, timeout: float) -> None:
        """Ask whether the server is there.

        Raises:
            psycopg.OperationalError: it is not, or does not answer within `timeout` seconds; the connection is closed.
        """
        usual, self.answer_timeout = self.answer_timeout, timeout
        try:
            await self.execute("SELECT 1")
            await self.rollback()
        finally:
            self.answer_timeout = usual

    def _close_if_active(self) -> None:
        # An answer may still come, and would be taken for that to the next question.
        if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            self.pgconn.finish()


def _connector(connect_timeout: float, answer_timeout: float) -> Callable[..., Awaitable[BoundedConnection]]:
    """Return a function that connects within `connect_timeout` seconds, finding the host and trying each address."""

    async def connect(*args: Any, **kwargs: Any) -> BoundedConnection:
        try:
            async with asyncio.timeout(connect_timeout):
                connection = await BoundedConnection.connect(*args, **kwargs)
        except TimeoutError:
            raise psycopg.errors.ConnectionTimeout(f"no connection within {connect_timeout:g} s") from None
        connection.answer_timeout = answer_timeout
        return connection

    return connect

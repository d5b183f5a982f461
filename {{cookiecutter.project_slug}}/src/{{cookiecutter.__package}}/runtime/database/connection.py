# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since psycopg bounds only each attempt to connect: a connection that no silent server can hold up."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

T = TypeVar("T")

_DATA_EXCEPTION = "22"
"""The class of SQLSTATE."""
CANCEL_TIMEOUT = 0.5
"""Seconds in which a server must take the cancellation of what an abandoned request was waiting for."""


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


def connector(connect_timeout: float, answer_timeout: float) -> Callable[..., Awaitable[BoundedConnection]]:
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

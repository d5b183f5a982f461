# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The engine: every wait bounded, credentials read again for each new connection, a ping only for what lay idle."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.exc import InvalidatePoolError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

from ..observability import metrics
from ..observability.lines import add_secret
from ..sections import DatabaseSettings
from .connection import connector
from .instrumentation import instrument

IDLE = 1.0
"""Seconds after which a connection is asked whether it still lives before it is used."""
PING_TIMEOUT = 0.5
ANSWER_GRACE = 0.5
"""Seconds that an answer may take beyond the statement timeout, so that a server that lives says itself what it was."""
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite": "sqlite+aiosqlite"}


def driver_url(url: str, *, asynchronous: bool = True) -> URL:
    """Return a URL as people write it with the driver that the service uses."""
    parsed = make_url(url)
    name = _DRIVERS[parsed.drivername.partition("+")[0]]
    return parsed.set(drivername=name if asynchronous else name.replace("+aiosqlite", ""))


def postgresql_options(settings: DatabaseSettings) -> str:
    milliseconds = {
        "statement_timeout": settings.statement_timeout,
        "lock_timeout": settings.lock_timeout,
        "idle_in_transaction_session_timeout": settings.idle_in_transaction_timeout,
    }
    return " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in milliseconds.items())


class MeasuredPool(AsyncAdaptedQueuePool):
    def connect(self) -> PoolProxiedConnection:
        with metrics.DB_CONNECTION_WAIT_TIME.time():
            try:
                return super().connect()
            except TimeoutError:
                metrics.DB_CONNECTION_TIMEOUTS.inc()
                raise


class Database:
    """Opens nothing until the first use. `url` is called for each new connection."""

    def __init__(self, settings: DatabaseSettings, url: Callable[[], str], application_name: str) -> None:
        parsed = driver_url(url())
        self.dialect = parsed.get_backend_name()
        postgresql = self.dialect == "postgresql"
        self.engine: AsyncEngine = create_async_engine(
            parsed,
            poolclass=MeasuredPool,
            pool_size=settings.pool_size,
            max_overflow=settings.max_overflow,
            pool_timeout=settings.pool_timeout,
            pool_recycle=settings.pool_recycle,
            pool_use_lifo=True,
            hide_parameters=True,
            connect_args=_postgresql_arguments(settings, application_name) if postgresql else {},
        )
        engine = self.engine.sync_engine
        if postgresql:
            event.listen(engine, "do_connect", _with_credentials(url))
            event.listen(engine, "checkin", _note_idle)
            event.listen(engine, "checkout", _ping_if_idle)
        else:
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            event.listen(engine, "connect", _prepare_sqlite(settings))
            event.listen(engine, "begin", _begin_sqlite)
        instrument(engine)
        pool: Any = engine.pool
        metrics.DB_CONNECTIONS_MAX.set(settings.pool_size + settings.max_overflow)
        metrics.DB_CONNECTIONS.labels("used").set_function(pool.checkedout)
        metrics.DB_CONNECTIONS.labels("idle").set_function(pool.checkedin)
        self._writing = self.engine.execution_options(writing=True)
        self._reading = self.engine.execution_options(postgresql_readonly=True)

    def write_session(self) -> AsyncSession:
        return AsyncSession(self._writing, expire_on_commit=False)

    def read_session(self) -> AsyncSession:
        return AsyncSession(self._reading, expire_on_commit=False)

    async def ping(self) -> None:
        async with self._reading.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


def _postgresql_arguments(settings: DatabaseSettings, application_name: str) -> dict[str, Any]:
    return {
        "async_creator_fn": connector(settings.connect_timeout, settings.statement_timeout + ANSWER_GRACE),
        "application_name": application_name,
        # Whatever the server's is: a database made without a locale would answer in bytes.
        "client_encoding": "utf8",
        "options": postgresql_options(settings),
        "tcp_user_timeout": int(settings.statement_timeout * 1000),
    }


def _with_credentials(url: Callable[[], str]) -> Callable[..., None]:
    def do_connect(dialect: object, record: object, arguments: object, parameters: dict[str, Any]) -> None:
        value = url()
        current = make_url(value)
        for secret in (value, current.password):
            add_secret(secret or "")
        parameters |= {"user": current.username, "password": current.password}

    return do_connect


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


def _prepare_sqlite(settings: DatabaseSettings) -> Callable[..., None]:
    milliseconds = int(settings.statement_timeout * 1000)

    def prepare(connection: Any, record: object) -> None:
        # The driver's own transactions lose updates; ours begin below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={milliseconds}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepare


def _begin_sqlite(connection: Any) -> None:
    writing = bool(connection.get_execution_options().get("writing"))
    if connection.info.get("writing") is not writing:
        connection.exec_driver_sql(f"PRAGMA query_only={not writing}")
        connection.info["writing"] = writing
    # A write that begins as a read and then finds another writer can't wait, only fail; so it waits at its begin.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

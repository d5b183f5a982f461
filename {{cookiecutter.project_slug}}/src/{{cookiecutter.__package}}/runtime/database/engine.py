"""The engine: every wait bounded, credentials read again for each new connection, a ping only for what lay idle."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import URL, event, make_url, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from ..config import DatabaseSettings
from ..observability import metrics
from .instrumentation import instrument

IDLE = 1.0
"""Seconds after which a connection is asked whether it still lives before it is used."""
PING_TIMEOUT = 1.0
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


class Database:
    """Opens nothing until the first use. `url` is called for each new connection."""

    def __init__(self, settings: DatabaseSettings, url: Callable[[], str], application_name: str) -> None:
        parsed = driver_url(url())
        self.dialect = parsed.get_backend_name()
        self.engine: AsyncEngine
        if self.dialect == "sqlite":
            self.engine = self._sqlite(parsed)
        else:
            self.engine = self._postgresql(settings, parsed, application_name)
            event.listen(self.engine.sync_engine, "do_connect", _with_credentials(url))
            event.listen(self.engine.sync_engine, "checkin", _note_idle)
            event.listen(self.engine.sync_engine, "checkout", _ping_if_idle)
            metrics.DB_CONNECTIONS_MAX.set(settings.pool_size + settings.max_overflow)
            pool: Any = self.engine.sync_engine.pool
            metrics.DB_CONNECTIONS.labels("used").set_function(pool.checkedout)
            metrics.DB_CONNECTIONS.labels("idle").set_function(pool.checkedin)
        instrument(self.engine.sync_engine)
        self._writing = self.engine.execution_options(writing=True)
        self._reading = self.engine.execution_options(postgresql_readonly=True)

    def _postgresql(self, settings: DatabaseSettings, url: URL, application_name: str) -> AsyncEngine:
        return create_async_engine(
            url,
            pool_size=settings.pool_size,
            max_overflow=settings.max_overflow,
            pool_timeout=settings.pool_timeout,
            pool_recycle=settings.pool_recycle,
            pool_use_lifo=True,
            hide_parameters=True,
            connect_args={
                "connect_timeout": max(2, int(settings.connect_timeout)),
                "application_name": application_name,
                "options": postgresql_options(settings),
                "tcp_user_timeout": int(settings.statement_timeout * 1000),
            },
        )

    def _sqlite(self, url: URL) -> AsyncEngine:
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(url, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine

    def write_session(self) -> AsyncSession:
        return AsyncSession(self._writing, expire_on_commit=False)

    def read_session(self) -> AsyncSession:
        return AsyncSession(self._reading, expire_on_commit=False)

    async def ping(self) -> None:
        async with self._reading.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


def _with_credentials(url: Callable[[], str]) -> Callable[..., None]:
    def do_connect(dialect: object, record: object, arguments: object, parameters: dict[str, Any]) -> None:
        current = make_url(url())
        parameters |= {"user": current.username, "password": current.password}

    return do_connect


def _note_idle(connection: object, record: Any) -> None:
    record.info["idle_since"] = monotonic()


def _ping_if_idle(connection: Any, record: Any, proxy: object) -> None:
    if monotonic() - record.info.get("idle_since", monotonic()) < IDLE:
        return

    async def ping(driver: Any) -> None:
        async with asyncio.timeout(PING_TIMEOUT):
            await driver.execute("SELECT 1")
            await driver.rollback()

    try:
        connection.run_async(ping)
    except Exception as error:
        # The pool takes this as "gone" and opens another.
        raise DisconnectionError from error


def _prepare_sqlite(connection: Any, record: object) -> None:
    # The driver's own transactions lose updates; ours begin below.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "busy_timeout=5000", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A write that begins as a read and then finds another writer can't wait, only fail; so it waits at its begin.
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The engine, whose every wait is bounded, and its sessions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from ..observability import metrics
from ..sections import DatabaseSettings
from .instrumentation import instrument
from .pool import FairPool

_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite": "sqlite+aiosqlite"}


def driver_url(url: str, *, asynchronous: bool = True) -> URL:
    """Return a URL as people write it with the driver that the service uses."""
    parsed = make_url(url)
    name = _DRIVERS[parsed.drivername.partition("+")[0]]
    return parsed.set(drivername=name if asynchronous else name.replace("+aiosqlite", ""))


class Database:
    """Opens nothing until the first use. `url` is called for each new connection."""

    def __init__(self, settings: DatabaseSettings, url: Callable[[], str], application_name: str) -> None:
        parsed = driver_url(url())
        self.dialect = parsed.get_backend_name()
        self.engine: AsyncEngine = create_async_engine(
            parsed,
            poolclass=FairPool,
            pool_size=settings.pool_size,
            max_overflow=settings.max_overflow,
            pool_timeout=settings.pool_timeout,
            pool_recycle=settings.pool_recycle,
            pool_use_lifo=True,
            hide_parameters=True,
        )
        engine = self.engine.sync_engine
        if self.dialect == "postgresql":
            # Imported here: psycopg costs some 35 ms and 9 MiB, which a service on SQLite need not pay.
            from . import postgresql

            postgresql.prepare(engine, settings, url, application_name)
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

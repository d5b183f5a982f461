# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Migrations: one migrator at a time, whose waits are bounded."""

import logging
import time
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import OperationalError

from ..sections import DatabaseSettings
from .engine import driver_url
from .errors import is_lock_timeout
from .schema import DIRECTORY, is_ahead

logger = logging.getLogger(__name__)

ADVISORY_LOCK = 7_521_960_418
"""Any number, as long as all services use one: it is per database."""
_IDLE = 0.5
_LIMIT = "APP_DATABASE__MIGRATION_LOCK_TIMEOUT"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(DIRECTORY))
    return config


def migrate(settings: DatabaseSettings, url: str) -> None:
    """Upgrade to the newest revision, unless the schema is a later version's.

    Waits for another migrator, and for the tables, up to `migration_lock_timeout` seconds.
    A statement waits for a table for `lock_timeout` seconds, since all others wait behind it; then the revision is
    undone and tried again.

    Raises:
        TimeoutError: another migrator did not end, or a table was not free, in time.
    """
    parsed = driver_url(url, asynchronous=False)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        arguments: dict[str, object] = {"timeout": settings.migration_lock_timeout}
    else:
        arguments = {
            "connect_timeout": max(2, int(settings.connect_timeout)),
            "client_encoding": "utf8",
            "options": f"-c lock_timeout={int(settings.lock_timeout * 1000)}",
        }
    engine = create_engine(parsed, connect_args=arguments, hide_parameters=True)
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.connect() as connection:
            deadline = time.monotonic() + settings.migration_lock_timeout
            while not _try_lock(connection):
                _wait("Another migration did not end", deadline, settings)
            while not _try_upgrade(connection):
                _wait("A table that a migration changes was not free", deadline, settings)
    finally:
        engine.dispose()


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None
    # The file keeps it. Connections that all changed it at the service's start would be in each other's way.
    connection.execute("PRAGMA journal_mode=WAL")


def _try_lock(connection: Connection) -> bool:
    """Take the lock until the connection closes. SQLite has one writer anyway, and the others wait."""
    if connection.dialect.name == "sqlite":
        return True
    taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}).scalar_one()
    connection.commit()
    return bool(taken)


def _try_upgrade(connection: Connection) -> bool:
    config = _config()
    config.attributes["connection"] = connection
    try:
        ahead = is_ahead(connection)
        connection.rollback()
        if not ahead:
            command.upgrade(config, "heads")
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise
        connection.rollback()
        return False
    connection.commit()
    place = "ahead of this version, which can work with it" if ahead else "at the newest revision"
    logger.info("The schema is %s.", place)
    return True


def _wait(reason: str, deadline: float, settings: DatabaseSettings) -> None:
    if time.monotonic() > deadline:
        limit = settings.migration_lock_timeout
        raise TimeoutError(f"{reason} within {limit:g} s; end what holds it, or raise it: {_LIMIT}.")
    logger.info("%s yet; waiting.", reason)
    time.sleep(_IDLE)

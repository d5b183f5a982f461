# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What schema the code needs, and whether the database has it, or a later one, as after a rollback."""

import ast
import asyncio
import functools
import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from ..sections import DatabaseSettings
from .engine import Database

logger = logging.getLogger(__name__)

DIRECTORY = Path("migrations")
"""Relative to the working directory, as in the image."""


@functools.cache
def known_revisions(directory: Path) -> tuple[set[str], set[str]]:
    """Return the newest revisions, which no other follows, and all.

    Own code, since to ask Alembic costs each start 65 ms, and each pod 10 MiB for as long as it lives.
    """
    known: set[str] = set()
    followed: set[str] = set()
    for file in (directory / "versions").glob("*.py"):
        for node in ast.parse(file.read_bytes()).body:
            match node:
                case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, ast.expr() as value):
                    if name == "revision":
                        known.add(ast.literal_eval(value))
                    elif name == "down_revision":
                        before = ast.literal_eval(value) or ()
                        followed.update([before] if isinstance(before, str) else before)
    return known - followed, known


def _revisions(connection: Connection) -> set[str]:
    """Return the revisions that the schema is at: none where nobody has migrated it."""
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())


def is_ahead(connection: Connection) -> bool:
    """Say whether the schema is a later version's, as after a rollback. Migrations only expand, so it serves us too."""
    _, known = known_revisions(DIRECTORY)
    return bool(_revisions(connection) - known)


def _is_current(connection: Connection) -> bool:
    heads, _ = known_revisions(DIRECTORY)
    return heads <= _revisions(connection) or is_ahead(connection)


async def schema_is_current(database: Database) -> bool:
    """Say whether the schema is at the code's newest revision, or ahead of it."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(_is_current)


def wait_for_schema(settings: DatabaseSettings, url: str, timeout: float) -> bool:
    """Wait until the schema is current; return False when `timeout` seconds have passed."""

    async def wait() -> bool:
        database = Database(settings, lambda: url, "wait-for-schema")
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        if await schema_is_current(database):
                            logger.info("The schema is current.")
                            return True
                        logger.info("The schema is behind; waiting for `migrate`.")
                    except OperationalError as error:
                        logger.info("The database does not answer: %s", type(error.orig).__name__)
                    await asyncio.sleep(1)
        except TimeoutError:
            logger.error("The schema was not current within %g s.", timeout)
            return False
        finally:
            await database.close()

    return asyncio.run(wait())

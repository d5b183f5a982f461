# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""How Alembic runs here: on the connection that `migrate` hands it, or on DATABASE_URL for `make migration`."""

import re
from collections.abc import Iterable
from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CHAR, DATETIME, Connection, create_engine
from sqlalchemy.sql.schema import SchemaItem
from sqlmodel import AutoString, SQLModel

from {{ cookiecutter.__package }} import (
    app,
)
from {{ cookiecutter.__package }}.runtime.database import (
    idempotency,
)
from {{ cookiecutter.__package }}.runtime.database.base import (
    UtcDateTime,
)
from {{ cookiecutter.__package }}.runtime.database.engine import (
    driver_url,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

# Importing the application registers the tables of every feature; the runtime's own is named here.
_TABLES_OF = (app, idempotency)
# `make migration drop=yes`.
_DROP = context.get_x_argument(as_dictionary=True).get("drop") == "yes"


def number(migration: MigrationContext, revision: object, scripts: Iterable[MigrationScript]) -> None:
    """Give a new revision the next number, as tools/feature.py does."""
    known = ScriptDirectory.from_config(context.config).walk_revisions()
    numbers = [int(script.revision) for script in known if re.fullmatch(r"\d{4}", script.revision)]
    for script in scripts:
        script.rev_id = f"{max(numbers, default=0) + 1:04}"


def keep(item: SchemaItem, name: str | None, kind: str, reflected: bool, model: SchemaItem | None) -> bool:
    """Leave what no model names, unless asked: its rows are there, and the version before may be at work with them."""
    return _DROP or model is not None or not reflected or kind not in ("table", "column")


def render(kind: str, item: object, autogenerate: AutogenContext) -> str | Literal[False]:
    """Write types that a revision has the import of, and that both databases have."""
    match item:
        case UtcDateTime() | DATETIME():
            return "sa.DateTime(timezone=True)"
        case AutoString(length=length):
            return f"sa.String({length or ''})"
        # What SQLite has for a UUID.
        case CHAR(length=32):
            return "sa.Uuid()"
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        # SQLite can't alter a table in place; Alembic then copies it.
        render_as_batch=connection.dialect.name == "sqlite",
        process_revision_directives=number,
        include_object=keep,
        render_item=render,
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    url = load_settings(Settings).current_secret("DATABASE_URL")
    with create_engine(driver_url(url, asynchronous=False)).begin() as connection:
        run(connection)

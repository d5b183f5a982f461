"""How Alembic runs here: on the connection that `migrate` hands it, or on DATABASE_URL for `make migration`."""

from alembic import context
from sqlalchemy import Connection, create_engine
from sqlmodel import SQLModel

from {{ cookiecutter.__package }} import (
    app,
)
from {{ cookiecutter.__package }}.runtime.database import (
    idempotency,
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


def run(connection: Connection) -> None:
    # SQLite can't alter a table in place; Alembic then copies it.
    batch = connection.dialect.name == "sqlite"
    context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=batch)
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    url = load_settings(Settings).current_secret("DATABASE_URL")
    with create_engine(driver_url(url, asynchronous=False)).begin() as connection:
        run(connection)

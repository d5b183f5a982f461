# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The application as tests use it: its lifespan running, on a database of its own that is migrated."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from {{ cookiecutter.__package }}.app import (
    create_app,
)
from {{ cookiecutter.__package }}.runtime.database.engine import (
    Database,
)
from {{ cookiecutter.__package }}.runtime.database.migrate import (
    migrate,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
)
from {{ cookiecutter.__package }}.runtime.sections import (
    DatabaseSettings,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

from support.tables import create_tables


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql() -> str:
    """The address of the PostgreSQL server in which the tests may create databases."""
    server = os.environ.get("TEST_DATABASE_URL")
    if not server:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL server")
    return server


@pytest.fixture(scope="session")
def redis_url() -> str:
    url = os.environ.get("TEST_REDIS_URL")
    if not url:
        pytest.skip("TEST_REDIS_URL names no Redis server")
    return url


@contextmanager
def new_postgresql_database(server: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.rpartition("/")[0] + "/" + name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "test.db"
    migrate(DatabaseSettings(), f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str) -> Iterator[str]:
    with new_postgresql_database(postgresql) as url:
        migrate(DatabaseSettings(), url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database of either kind, without a schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/test.db"
    else:
        with new_postgresql_database(request.getfixturevalue("postgresql")) as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of either kind, migrated and without rows: a copy or emptied, which is quicker than a new one."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_sqlite'), tmp_path)}"
    url: str = request.getfixturevalue("migrated_postgresql")
    with psycopg.connect(url) as connection:
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        for (table,) in connection.execute(tables).fetchall():
            connection.execute(f'TRUNCATE "{table}" CASCADE')
    return url


@pytest.fixture
async def open_database(database_url: str) -> AsyncIterator[Callable[..., Database]]:
    """Open a database as the runtime does, with settings of the test's."""
    opened = []

    def open_database(**settings: float) -> Database:
        opened.append(Database(DatabaseSettings.model_validate(settings), lambda: database_url, "test"))
        return opened[-1]

    yield open_database
    for database in opened:
        await database.close()


@pytest.fixture
async def database(open_database: Callable[..., Database]) -> Database:
    """A database with the tables of `support.tables`."""
    database = open_database()
    async with database.write_session() as session:
        await create_tables(session)
    return database


@pytest.fixture
def settings(database_url: str) -> Settings:
    redis_url = os.environ.get("TEST_REDIS_URL", "")
    environ = {
        "APP_ENV": "test",
        "APP_HTTP__DOCS": "true",
        "APP_ADMIN__HOST": "127.0.0.1",
        "APP_ADMIN__PORT": "0",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "APP_REDIS__KEY_PREFIX": uuid4().hex,
    }
    return load_settings(Settings, environ)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def silent_port() -> AsyncIterator[int]:
    """A port where connections are taken and nothing is ever said."""
    writers = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in writers:
        writer.close()

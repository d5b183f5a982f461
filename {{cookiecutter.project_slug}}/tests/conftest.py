"""The application as tests use it: its lifespan running, on a database of its own that is migrated."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from {{ cookiecutter.__package }}.app import (
    create_app,
)
from {{ cookiecutter.__package }}.runtime.database.migrate import (
    migrate,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    server = os.environ.get("TEST_DATABASE_URL")
    if not server:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL server")
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.rpartition("/")[0] + "/" + name


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
    migrate(settings.database, settings.current_secret("DATABASE_URL"))
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        yield client

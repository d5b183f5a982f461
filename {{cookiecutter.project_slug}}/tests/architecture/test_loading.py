# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What a service does not use, it does not load: each of these costs every start time, and every pod memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import {{ cookiecutter.__package }}

PACKAGE = {{ cookiecutter.__package }}.__name__
SERVE = f"""
import asyncio, sys
from {PACKAGE} import app, settings
from {PACKAGE}.runtime.loader import load_settings

async def serve(application):
    async with application.router.lifespan_context(application):
        print(*(name.partition(".")[0] for name in sys.modules), "opentelemetry.sdk.trace" in sys.modules)

asyncio.run(serve(app.create_app(load_settings(settings.Settings))))
"""
UNUSED = {"alembic", "jwt", "psycopg", "redis", "True"}


def loaded(folder: Path, **variables: str) -> set[str]:
    """Return which of them a service has loaded when it serves; `True` stands for OpenTelemetry's SDK."""
    environ = {"APP_ADMIN__HOST": "127.0.0.1", "APP_ADMIN__PORT": "0", "DATABASE_URL": "sqlite:///service.db"}
    env = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | environ | variables
    printed = subprocess.check_output([sys.executable, "-c", SERVE], cwd=folder, env=env, text=True)
    return UNUSED & set(printed.split())


def test_a_service_on_sqlite_alone_loads_nothing_for_other_uses(tmp_path: Path) -> None:
    assert loaded(tmp_path) == set()


@pytest.mark.parametrize(
    ("variable", "value", "used"),
    [
        ("DATABASE_URL", "postgresql://user@127.0.0.1:1/name", "psycopg"),
        ("REDIS_URL", "redis://127.0.0.1:1/0", "redis"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "True"),
    ],
)
def test_what_a_service_uses_is_found_to_be_loaded(tmp_path: Path, variable: str, value: str, used: str) -> None:
    assert loaded(tmp_path, **{variable: value}) == {used}

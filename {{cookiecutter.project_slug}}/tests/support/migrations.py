# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Migrations by Alembic alone, and the service's commands as processes."""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from {{ cookiecutter.__package }}.runtime import (
    service,
)
from {{ cookiecutter.__package }}.runtime.database.engine import (
    driver_url,
)


def config(directory: str = "migrations") -> Config:
    config = Config()
    config.set_main_option("script_location", directory)
    return config


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(driver_url(url, asynchronous=False), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def alembic(url: str, run: Callable[..., object], *arguments: str, drop: str = "") -> None:
    with connected(url) as connection:
        settings = config()
        settings.cmd_opts = argparse.Namespace(x=[f"drop={drop}"])
        settings.attributes["connection"] = connection
        run(settings, *arguments)
        connection.commit()


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a command of the service as a process of its own."""
    package = service.__name__.partition(".")[0]
    command, env = [sys.executable, "-m", package, *arguments], {"DATABASE_URL": url}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""How the process serves and ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from fastapi import FastAPI

from . import service
from .config import RuntimeSettings
from .loader import secret_values
from .observability.lines import add_secret
from .observability.logs import configure_logging
from .observability.tracing import collector_headers
from .server import build_server
from .state import State

SettingsT = TypeVar("SettingsT", bound=RuntimeSettings)


@contextmanager
def logging_configured(settings: RuntimeSettings) -> Iterator[None]:
    """Log as the service does, with its secrets masked, and flush at the end."""
    for secret in (*secret_values(settings), *collector_headers(settings).values()):
        add_secret(secret)
    writer = configure_logging(settings, service.NAME, service.VERSION)
    try:
        yield
    finally:
        writer.close()


def serve(settings: SettingsT, create_app: Callable[[SettingsT, State], FastAPI]) -> int:
    """Serve until a signal; return the exit code, 0 after a drain."""
    state = State()
    with logging_configured(settings):
        build_server(create_app(settings, state), settings, state).run()
    return 0

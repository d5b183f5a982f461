# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""How the process serves and ends."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

import uvicorn
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
        server = build_server(create_app(settings, state), settings, state)
        with _late_signals_ignored(server):
            server.run()
    return 0


@contextmanager
def _late_signals_ignored(server: uvicorn.Server) -> Iterator[None]:
    """Let no signal that comes while the process ends turn its exit code 0 into another.

    uvicorn gives its signals back before its event loop has ended, and Python, at its own end, gives back to the system
    whatever has a handler.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if not server.should_exit and callable(handler):
            handler(number, frame)

    for number in before:
        signal.signal(number, handle)
    yield
    for number in before:
        signal.signal(number, signal.SIG_IGN)

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since uvicorn does not drain (its PR 2414): the server, and how it ends."""

import gc
import signal
import time
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from .config import RuntimeSettings
from .http.protocol import GuardedProtocol
from .state import State


class DrainingServer(uvicorn.Server):
    """On SIGTERM goes on serving for the drain time, then ends as uvicorn does, with exit code 0.

    Each answer of that time closes its connection. A connection that sees none, as nobody uses it, is closed in the
    second half: so late that its client most likely knows of other pods, so early that it may still come back here.
    """

    def __init__(self, config: uvicorn.Config, state: State, drain: float) -> None:
        super().__init__(config)
        self._state = state
        self._drain = drain
        self._drained_at: float | None = None

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self._state.listening = self.started
        # What is alive now lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn raises a captured signal again at its end, which would turn exit code 0 into 143; so none is captured.
        if sig == signal.SIGTERM and not self._state.draining:
            self._state.draining = True
            self._drained_at = time.monotonic() + self._drain
        elif self.should_exit:
            self.force_exit = True
        else:
            self._state.draining = self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        if self._drained_at is not None:
            left = self._drained_at - time.monotonic()
            if left <= 0:
                self.should_exit = True
            elif left <= self._drain / 2:
                for connection in list(self.server_state.connections):
                    if isinstance(connection, GuardedProtocol):
                        connection.close_if_unused(self._drain / 2)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: Any = None) -> None:
        self._state.listening = False
        await super().shutdown(sockets)


def build_server(app: FastAPI, settings: RuntimeSettings, state: State) -> DrainingServer:
    limits = settings.http.model_dump(include={"header_timeout", "body_timeout", "max_header_size"})
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=type("LimitedProtocol", (GuardedProtocol,), limits),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
        timeout_keep_alive=settings.http.keep_alive_timeout,
        # Its type says int, and asyncio takes it as it is.
        timeout_graceful_shutdown=settings.shutdown.requests,  # type: ignore[arg-type]
        proxy_headers=True,
        forwarded_allow_ips=[str(network) for network in settings.http.forwarded_allow_ips],
        # Else a pipelined request inherits the identifiers of the one before it (cpython issue 140947).
        reset_contextvars=True,
    )
    return DrainingServer(config, state, settings.shutdown.drain)

"""Own code, since uvicorn neither drains (its PR 2414) nor bounds a request's headers (its PR 1192): the server."""

import asyncio
import gc
import logging
import signal
import time
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .config import RuntimeSettings
from .state import State

logger = logging.getLogger(__name__)

_CLOSED_EARLY = (
    b"HTTP/1.1 %d %s\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
)


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose headers must arrive in time and within bounds.

    Also cancels the keep-alive timer when the peer resets the connection, which uvicorn 0.54 leaves to run.
    """

    header_timeout: float
    max_header_size: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._reading_headers = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._header_timer = self.loop.call_later(self.header_timeout, self._headers_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_header_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._reading_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._reading_headers and self._header_bytes > self.max_header_size:
            self._refuse(431, b"Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading_headers = True
        if self._header_timer is None:
            self._header_bytes = 0
            self._header_timer = self.loop.call_later(self.header_timeout, self._headers_late)

    def on_headers_complete(self) -> None:
        self._reading_headers = False
        self._header_bytes = 0
        self._stop_header_timer()
        super().on_headers_complete()

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _headers_late(self) -> None:
        self._header_timer = None
        if self._header_bytes:
            self._refuse(408, b"Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: int, title: bytes) -> None:
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                body = b'{"type":"about:blank","title":"%s","status":%d}' % (title, status)
                self.transport.write(_CLOSED_EARLY % (status, title, len(body), body))
            self.transport.close()


class DrainingServer(uvicorn.Server):
    """On SIGTERM goes on serving for the drain time, then ends as uvicorn does, with exit code 0."""

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
        if sig == signal.SIGTERM and self._drained_at is None:
            self._state.draining = True
            self._drained_at = time.monotonic() + self._drain
        elif self.should_exit:
            self.force_exit = True
        else:
            self._state.draining = self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: Any = None) -> None:
        self._state.listening = False
        await super().shutdown(sockets)


def build_server(app: FastAPI, settings: RuntimeSettings, state: State) -> DrainingServer:
    protocol = type(
        "Protocol",
        (GuardedProtocol,),
        {"header_timeout": settings.http.header_timeout, "max_header_size": settings.http.max_header_size},
    )
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
        timeout_keep_alive=settings.http.keep_alive_timeout,
        timeout_graceful_shutdown=int(settings.shutdown.requests),
        proxy_headers=True,
        forwarded_allow_ips=[str(network) for network in settings.http.forwarded_allow_ips],
        # Else a pipelined request inherits the identifiers of the one before it (cpython issue 140947).
        reset_contextvars=True,
    )
    return DrainingServer(config, state, settings.shutdown.drain)

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since uvicorn waits for ever for a peer that reads nothing, and resets one that has sent too much."""

import asyncio
from collections.abc import Callable
from typing import Any

from .framing import FramedProtocol


class ClosingProtocol(FramedProtocol):
    """HTTP/1.1 of which no connection stays open for what its peer does not read."""

    body_timeout: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._write_timer: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_write_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    def _watch_writing(self) -> None:
        """Cut a peer off that reads nothing for a while; one that is only slow goes on."""
        if self._write_timer is None and (unsent := self.transport.get_write_buffer_size()):
            self._unsent = unsent
            self._write_timer = self.loop.call_later(self.body_timeout, self._check_writing)

    def _check_writing(self) -> None:
        self._write_timer = None
        if self.transport.get_write_buffer_size() >= self._unsent:
            self.transport.abort()
        else:
            self._watch_writing()

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _close(self) -> None:
        if self.transport.get_write_buffer_size():
            # A peer that reads nothing would keep a polite close waiting for ever.
            self.transport.abort()
        else:
            self.transport.close()


class Lingering:
    """What uvicorn's cycle has for a transport, so that its `close` is ours."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self._transport = transport
        self.close = close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since nothing else tells where an event loop is stuck: its heartbeat, and its stack when that stops."""

import asyncio
import logging
import sys
import threading
import traceback
from time import monotonic

from ..state import State
from . import metrics

logger = logging.getLogger(__name__)

INTERVAL = 0.25
"""Seconds between two beats."""
BLOCKED_AFTER = 1.0
"""Seconds without a beat after which the loop counts as blocked."""


class Watchdog:
    def __init__(self, state: State) -> None:
        self._state = state
        self._stopped = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin in the running event loop, and in the thread that runs it."""
        self._state.loop_thread_id = threading.get_ident()
        self._loop = asyncio.get_running_loop()
        self._state.heartbeat = monotonic()
        self._timer = self._loop.call_later(INTERVAL, self._beat)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        now = monotonic()
        metrics.LOOP_LAG.observe(max(0.0, now - self._state.heartbeat - INTERVAL))
        self._state.heartbeat = now
        self._timer = self._loop.call_later(INTERVAL, self._beat)

    def _watch(self) -> None:
        reported = 0.0
        while not self._stopped.wait(INTERVAL):
            if self._state.lag > BLOCKED_AFTER and self._state.heartbeat != reported:
                reported = self._state.heartbeat
                metrics.LOOP_BLOCKED.inc()
                frame = sys._current_frames().get(self._state.loop_thread_id or 0)
                stack = "".join(traceback.format_stack(frame)) if frame else ""
                logger.error("The event loop is blocked.", extra={"stacktrace": stack[-16_384:]})

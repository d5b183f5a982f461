# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since a StreamHandler whose reader stalls hangs the service: JSON lines, written by their own thread."""

import logging
import os
import sys
import threading
import time
from collections import Counter, deque
from typing import Any

from ..config import RuntimeSettings
from . import metrics
from .lines import JsonFormatter

CAPACITY = 4 << 20
"""Bytes that wait for the writer; beyond, records below WARNING are dropped, then those below ERROR, then all."""
_BATCH = 65_536
_PAUSE = 0.01
"""Seconds for which lines are gathered: waking the writer for each would cost more than the line."""


class LogWriter(logging.Handler):
    """Hands lines to a daemon thread, so that a full pipe blocks no request."""

    def __init__(self, descriptor: int = 1) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._writing = False
        self._lost: Counter[str] = Counter()
        self._changed = threading.Condition()
        threading.Thread(target=self._write, name="log writer", daemon=True).start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Format without the lock that logging's own takes; the queue has its own, held for moments."""
        kept = self.filter(record)
        if kept:
            # Since Python 3.12 a filter may return another record.
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        over = (record.levelno >= logging.WARNING) + (record.levelno >= logging.ERROR)
        if self._waiting >= CAPACITY * (2 + over) // 2:
            metrics.LOG_RECORDS_DROPPED.labels(record.levelname).inc()
            with self._changed:
                self._lost[record.levelname] += 1
            return
        try:
            line = self.format(record).encode() + b"\n"
        except Exception:  # noqa: BLE001 - a log call never fails its caller
            self.handleError(record)
            return
        with self._changed:
            self._lines.append(line)
            self._waiting += len(line)
            if not self._writing:
                self._changed.notify_all()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._lines)
                self._writing = True
                batch = bytearray()
                while self._lines and len(batch) < _BATCH:
                    batch += self._lines.popleft()
                self._waiting -= len(batch)
            self._write_out(batch)
            if self._lost and self._waiting < CAPACITY // 2:
                self._tell_losses()
            if len(batch) < _BATCH:
                time.sleep(_PAUSE)

    def _write_out(self, batch: bytearray) -> None:
        remaining = memoryview(batch)
        while remaining:
            try:
                remaining = remaining[os.write(self._descriptor, remaining) :]
            except BlockingIOError:
                # Whoever gave us this descriptor made it non-blocking; this thread has nothing else to do.
                time.sleep(0.01)
            except OSError:
                # Nobody will ever read it.
                return

    def _tell_losses(self) -> None:
        with self._changed:
            lost, self._lost = self._lost, Counter()
        fields: dict[str, Any] = {"msg": "%d log records were lost: nobody read them in time.", "args": (lost.total(),)}
        fields |= {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "lost": dict(lost)}
        self.emit(logging.makeLogRecord(fields))

    def flush(self, timeout: float = 1.0) -> None:
        """Wait until all is written, for at most `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._lines or self._writing), timeout)

    def close(self) -> None:
        self.flush()
        super().close()


def configure_logging(settings: RuntimeSettings, service: str, version: str) -> LogWriter:
    """Send every library's records, warnings and uncaught exceptions to stdout as JSON lines."""
    # No line says them, and each pays for finding them (Python's logging HOWTO, "Optimization").
    unsaid = dict.fromkeys(("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"), False)
    vars(logging).update(unsaid, _srcfile=None)
    writer = LogWriter()
    writer.setFormatter(JsonFormatter(service, version))
    logging.basicConfig(handlers=[writer], level=settings.log_level, force=True)
    logging.captureWarnings(True)
    for name in ("httpx", "httpx2", "sqlalchemy.engine", "alembic.runtime.plugins"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # At DEBUG it shows each statement's parameters, and these two what a caller sent as a wrong trace or baggage.
    for name in ("aiosqlite", "opentelemetry.trace.span", "opentelemetry.baggage.propagation"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(_is_news)

    def log_uncaught(kind: type[BaseException], error: BaseException | None, stack: Any) -> None:
        logging.getLogger("uncaught").critical("Uncaught exception", exc_info=(kind, error or kind(), stack))
        writer.flush()

    sys.excepthook = log_uncaught
    threading.excepthook = lambda hook: log_uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)
    return writer


def _is_news(record: logging.LogRecord) -> bool:
    """Drop uvicorn's second line on what the edge or the lifespan has logged with its reason."""
    message = str(record.msg)
    return "without completing response" not in message and not message.startswith(
        ("Traceback", "Application startup failed")
    )

"""Own code, since a StreamHandler whose reader stalls hangs the service: JSON lines, written by their own thread."""

import logging
import os
import sys
import threading
import time
import traceback
from collections import deque
from datetime import UTC, datetime
from typing import Any

import orjson
from opentelemetry import trace

from ..config import RuntimeSettings
from ..http import context
from . import metrics

CAPACITY = 8192
"""Records that wait for the writer; beyond, those below WARNING are dropped, and at twice as many all are."""
MAX_STACK = 16_384
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_SENSITIVE = ("password", "secret", "token", "authorization", "cookie", "api_key", "dsn")
_MASK = "***"
_secrets: set[str] = set()


def add_secret(value: str) -> None:
    """Mask a value, and the password in it if it is a URL, in every line from now on. Short ones are left alone."""
    password = value.rpartition("@")[0].partition("://")[2].partition(":")[2]
    _secrets.update(part for part in (value if password or "://" not in value else "", password) if len(part) >= 4)


def _masked(text: str) -> str:
    for secret in _secrets:
        if secret in text:
            text = text.replace(secret, _MASK)
    return text


class JsonFormatter(logging.Formatter):
    def __init__(self, service: str, version: str) -> None:
        super().__init__()
        self._service, self._version = service, version

    def format(self, record: logging.LogRecord) -> str:
        span = trace.get_current_span().get_span_context()
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "service": self._service,
            "version": self._version,
            "request_id": context.request_id.get(),
            "trace_id": context.trace_id.get(),
            "span_id": f"{span.span_id:016x}" if span.is_valid else "",
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = _MASK if any(word in name.lower() for word in _SENSITIVE) else value
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, _ = record.exc_info
            stack = "".join(traceback.format_exception(error))
            line["exception"] = {"type": kind.__qualname__, "message": str(error), "stacktrace": stack[-MAX_STACK:]}
        return _masked(orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS).decode())


class LogWriter(logging.Handler):
    """Hands lines to a daemon thread, so that a full pipe blocks no request."""

    def __init__(self, descriptor: int = 1) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._write, name="log writer", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Take no lock, as logging's own does: a deque's append is atomic."""
        kept = self.filter(record)
        if kept:
            # Since Python 3.12 a filter may return another record.
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        limit = CAPACITY if record.levelno < logging.WARNING else 2 * CAPACITY
        if len(self._lines) >= limit:
            metrics.LOG_RECORDS_DROPPED.labels(record.levelname).inc()
            return
        try:
            line = self.format(record).encode() + b"\n"
        except Exception:  # noqa: BLE001 - a log call never raises
            self.handleError(record)
            return
        self._idle.clear()
        self._lines.append(line)
        self._wake.set()

    def _write(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._lines:
                batch = bytearray()
                while self._lines and len(batch) < 65_536:
                    batch += self._lines.popleft()
                remaining = memoryview(batch)
                while remaining:
                    try:
                        remaining = remaining[os.write(self._descriptor, remaining) :]
                    except BlockingIOError:
                        # Whoever gave us this descriptor made it non-blocking; this thread has nothing else to do.
                        time.sleep(0.01)
                    except OSError:
                        break
            if not self._lines:
                self._idle.set()

    def close(self, timeout: float = 1.0) -> None:
        """Write what waits, for at most `timeout` seconds."""
        if self._lines or not self._idle.is_set():
            self._wake.set()
            self._idle.wait(timeout)
        super().close()


def configure_logging(settings: RuntimeSettings, service: str, version: str) -> LogWriter:
    """Send every library's records, warnings and uncaught exceptions to stdout as JSON lines."""
    writer = LogWriter()
    writer.setFormatter(JsonFormatter(service, version))
    logging.basicConfig(handlers=[writer], level=settings.log_level, force=True)
    logging.captureWarnings(True)
    for name in ("httpx", "sqlalchemy.engine", "alembic.runtime.plugins"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # The edge has logged the reason already; uvicorn's line would be a second one for the same error.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing response" not in str(record.msg))

    def log_uncaught(kind: type[BaseException], error: BaseException, stack: Any) -> None:
        logging.getLogger("uncaught").critical("Uncaught exception", exc_info=(kind, error, stack))
        writer.close()

    sys.excepthook = log_uncaught
    threading.excepthook = lambda hook: log_uncaught(
        hook.exc_type, hook.exc_value or hook.exc_type(), hook.exc_traceback
    )
    return writer

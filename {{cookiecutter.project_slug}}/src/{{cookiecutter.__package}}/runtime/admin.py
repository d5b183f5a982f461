# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since a probe must be answered while the event loop is not: probes and metrics, in their own thread."""

import logging
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

import orjson
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from . import service
from .config import RuntimeSettings
from .health import HealthMonitor
from .observability import metrics

logger = logging.getLogger(__name__)


class CannotListen(Exception):
    """The admin server's address can't be used; the text says which and why."""


class AdminServer:
    """Serves `/livez`, `/readyz`, `/startupz`, `/metrics` and `/info` from `start` until `stop`.

    Raises:
        CannotListen: its port is taken, or its host is not one of this machine's addresses.
    """

    def __init__(self, settings: RuntimeSettings, health: HealthMonitor) -> None:
        self._settings = settings
        self._health = health
        admin = self

        class Handler(_Handler):
            def do_GET(self) -> None:
                self.answer(*admin.answer(self.path, self.headers.get("Accept", "")))

            do_HEAD = do_GET

        host, port = settings.admin.host, settings.admin.port
        try:
            self._server = _Server((host, port), Handler)
        except OSError as error:
            raise CannotListen(f"Can't listen on {host}:{port}: {error.strerror}. Set APP_ADMIN__PORT.") from error
        self.port: int = self._server.server_address[1]
        # The argument bounds how long `stop` takes: seconds between two looks at whether to end.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="admin", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str, accept: str) -> tuple[int, str, bytes]:
        """Return status, media type and body for a request's target."""
        url = urlsplit(target)
        verbose = "verbose" in url.query
        match url.path:
            case "/livez":
                lag = self._health.state.lag
                failures = ["event loop"] if lag > self._settings.admin.liveness_max_lag else []
                return self._probe(failures, verbose, lag_seconds=round(lag, 3))
            case "/startupz":
                return self._probe(self._health.startup_failures(), verbose)
            case "/readyz":
                return self._probe(self._health.readiness_failures(), verbose)
            case "/metrics":
                metrics.APP_READY.set(not self._health.readiness_failures())
                metrics.APP_DRAINING.set(self._health.state.draining)
                encode, media_type = choose_encoder(accept)
                return 200, media_type, encode(REGISTRY)
            case "/info":
                return _json(
                    200,
                    {
                        "name": service.NAME,
                        "version": service.VERSION,
                        "revision": self._settings.revision,
                        "template_version": service.TEMPLATE_VERSION,
                        "environment": self._settings.env,
                    },
                )
        return _json(404, {"title": "Not Found", "status": 404})

    def _probe(self, failures: list[str], verbose: bool, **extra: object) -> tuple[int, str, bytes]:
        degraded = self._health.degraded()
        content: dict[str, object] = {"status": "failed" if failures else "degraded" if degraded else "ok"}
        if failures:
            content["failed"] = failures
        if verbose:
            content |= extra
            content["checks"] = [
                {
                    "name": check.name,
                    "ok": check.ok,
                    "hard": check.hard,
                    "failing_since": check.failing_since,
                    "reason": check.reason or None,
                }
                for check in self._health.checks
            ]
        return _json(503 if failures else 200, content)


def _json(status: int, content: object) -> tuple[int, str, bytes]:
    return status, "application/json", orjson.dumps(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Leave out HTTPServer's look-up of the host's name, for which a slow DNS would keep the service waiting."""
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log as everything else is logged; a prober that has gone is no news."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            logger.exception("A probe or scrape failed")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def answer(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "admin"

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a probe each second is no news."""

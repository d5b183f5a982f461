# The template's: later versions change this file. Yours are listed in pyproject.toml.
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from {{ cookiecutter.__package }}.runtime.smoke import (
    smoke,
)

PROBLEM = json.dumps({"status": 404, "trace_id": "0" * 32})
READY = ("/readyz", 200, "application/json", "{}")
NOT_FOUND = ("/no-such-path", 404, "application/problem+json", PROBLEM)
Answer = tuple[str, int, str, str]
Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve these answers, and return the address."""
    servers = []

    def serve(*answers: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _, status, media_type, body = next(answer for answer in answers if answer[0] == self.path)
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,)).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_healthy_service_passes(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    address = serve(READY, NOT_FOUND)
    assert smoke(address, address + "/") == 0
    assert capsys.readouterr().out == "ready: ok\nproblem: ok\n"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (("/readyz", 503, "application/json", '{"failed": ["started", "x"]}'), "answered 503, for want of: started, x"),
        (("/readyz", 404, "text/html", "<html>"), "answered 404"),
        (("/no-such-path", 404, "text/html", "<html>"), "answered 404 text/html, not a 404 problem with a trace id"),
        (("/no-such-path", 200, "application/json", "{}"), "answered 200 application/json, not"),
        (("/no-such-path", 404, "application/problem+json", "{}"), "not a 404 problem with a trace id"),
        (("/no-such-path", 404, "application/problem+json", "[]"), "not a 404 problem with a trace id"),
    ],
)
def test_what_is_not_as_promised_is_told(
    serve: Serve, capsys: pytest.CaptureFixture[str], answer: Answer, told: str
) -> None:
    address = serve(answer, READY, NOT_FOUND)
    assert smoke(address, address) == 1
    (line,) = (line for line in capsys.readouterr().out.splitlines() if not line.endswith(": ok"))
    assert answer[0] in line
    assert told in line


def test_a_service_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert smoke(address, address) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"ready: {address}/readyz does not answer: ")
    assert lines[1].startswith(f"problem: {address}/no-such-path does not answer: ")


@pytest.mark.parametrize("address", ["service:8000", "ftp://host", "http://[", "http://"])
def test_an_address_that_is_none_is_told(capsys: pytest.CaptureFixture[str], address: str) -> None:
    assert smoke(address, address) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2

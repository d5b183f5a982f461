"""Starts that fail, and an event loop that is stuck."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from support.outcomes import ask, at_once
from support.process import Server, Service, until
from support.resilience import Measured


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_wrong_configuration_ends_it_before_any_socket_is_opened(installed: Path, tmp_path: Path) -> None:
    """As an audit hook tells, which sees each socket that Python makes or binds."""
    hook = tmp_path / "sitecustomize.py"
    hook.write_text(
        "import sys\n"
        "def told(event, arguments):\n"
        "    if event.startswith('socket.') and event != 'socket.gethostname':\n"
        "        print('SOCKET', event, arguments, flush=True)\n"
        "sys.addaudithook(told)\n"
    )
    service = Service(installed, {"PYTHONPATH": str(tmp_path), "APP_ADMIN__HOST": "127.0.0.1", "APP_ADMIN__PORT": "0"})
    result = service.given(DATABASE_URL="sqlite:///x.db", APP_HTTP__MAX_IN_FLIGHT="many").run("serve", code=78)
    assert "SOCKET" not in result.stdout + result.stderr
    (line,) = lines(result.stdout + result.stderr)
    assert list(line["problems"]) == ["APP_HTTP__MAX_IN_FLIGHT"]
    # The twin: the hook does see sockets, where one is opened.
    taken = {"DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "APP_ADMIN__HOST": "192.0.2.1"}
    assert "SOCKET" in service.given(**taken).run("serve", code=3).stdout


@pytest.mark.parametrize(("variable", "remedy"), [("PORT", "address already in use"), ("APP_ADMIN__PORT", "Set APP_")])
def test_a_port_that_is_taken_is_told_in_one_line(service: Service, variable: str, remedy: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = service.given(**{variable: str(port)}).on_free_ports().run("serve", code=3)
    (error,) = [line for line in lines(result.stdout) if line["level"] in ("ERROR", "CRITICAL")]
    assert str(port) in error["message"]
    assert remedy in error["message"]
    assert "exception" not in error
    assert result.stderr == ""


def test_an_exception_at_the_start_is_one_line(service: Service, tmp_path: Path) -> None:
    result = service.given(APP_REVISION="fails at the start").faulty().on_free_ports().run("serve", code=1)
    (error,) = [line for line in lines(result.stdout) if line["level"] in ("ERROR", "CRITICAL")]
    assert error["exception"]["type"] == "RuntimeError"
    assert "faulty.py" in error["exception"]["stacktrace"]
    assert result.stderr == ""


def test_a_stuck_event_loop_is_diagnosed_while_it_is_stuck(
    service: Service, served_both: Callable[[Service], list[Server]], measured: Measured
) -> None:
    stuck, limit, patience = 5, 1.5, 1.0
    variables = {"APP_ADMIN__LIVENESS_MAX_LAG": str(limit), "APP_HTTP__REQUEST_TIMEOUT": "30"}
    both = served_both(service.given(**variables).faulty())
    requests = [Thread(target=ask, args=[f"{server.url}/test/block/{stuck}"]) for server in both]
    for request in requests:
        request.start()
    server = both[0]
    until(lambda: server.logged(message="The event loop is blocked."), "its stack")
    assert server.metric("event_loop_blocked_total") == 1
    assert server.admin("/livez?verbose").json()["lag_seconds"] > 1
    until(lambda: server.admin("/livez").status_code == 503, "liveness to fail, past the limit")
    ours, plain = at_once(*(lambda server=server: ask(f"{server.admin_url}/livez") for server in both))
    assert requests[0].is_alive()
    for request in requests:
        request.join()
    until(lambda: server.admin("/livez").status_code == 200, "liveness to come back")
    (line,) = server.logged(message="The event loop is blocked.")
    fault = f"the event loop is blocked for {stuck} s"
    pass_line = f"after {limit:g} s /livez is 503 within {patience:g} s; the log has the stack; 200 again later"
    told = "sleep(seconds)" in line["stacktrace"]
    measured(4, fault, pass_line, ours=f"{ours}; stack logged: {told}", plain=f"{plain}; nothing logged")
    assert ours.status == 503
    assert ours.seconds < patience
    assert told
    assert "faulty.py" in line["stacktrace"]
    assert server.metric("event_loop_blocked_total") == 1

# The template's: later versions change this file. Yours are listed in pyproject.toml.
import inspect
import logging
import signal
import socket
import struct
from contextvars import ContextVar
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from support.server import until
from support.wire import connected

seen: ContextVar[bytes] = ContextVar("seen", default=b"nothing")


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what the context held before this request."""
    before = seen.get()
    seen.set(b"another request")
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", str(len(before)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": before})


def test_no_timeout_is_for_headers_or_for_a_drain() -> None:
    """Its PR 1192, closed, for connections that send nothing whole; its PR 2414, open, for the drain."""
    parameters = inspect.signature(uvicorn.Config).parameters
    timeouts = {name for name in parameters if name.startswith("timeout") or "shutdown" in name}
    known = {"timeout_keep_alive", "timeout_notify", "timeout_graceful_shutdown", "timeout_worker_healthcheck"}
    assert timeouts == known, "see whether it takes the place of timers in runtime/http/protocol.py, runtime/server.py"


async def test_the_keep_alive_timer_of_a_connection_that_was_reset_runs_on(serve: Any) -> None:
    plain = await serve(hello, timeout_keep_alive=60)
    async with connected(plain.address) as connection:
        connection.request("/")
        await connection.answer()
        (protocol,) = plain.server.server_state.connections
        connection.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        connection.writer.transport.abort()
        await until(lambda: not plain.server.server_state.connections)
    timer = protocol.timeout_keep_alive_task
    assert timer is not None, "GuardedProtocol.connection_lost need not stop it any more"
    timer.cancel()


async def test_a_pipelined_request_inherits_the_context_of_the_one_before(serve: Any) -> None:
    """Python's issue 140947; uvicorn's PR 2912 made it an option that is off."""
    plain = await serve(hello)
    async with connected(plain.address) as connection:
        for _ in range(2):
            connection.request("/")
        bodies = [(await connection.answer()).body for _ in range(2)]
    assert bodies == [b"nothing", b"another request"], "runtime/server.py need not set reset_contextvars any more"


def test_sigterm_ends_it_at_once() -> None:
    """Its PR 2414, open."""
    server = uvicorn.Server(uvicorn.Config(hello, log_config=None))
    server.handle_exit(signal.SIGTERM, None)
    assert server.should_exit, "it drains: DrainingServer can go"


def test_a_signal_is_raised_again_at_the_end() -> None:
    told = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    try:
        with uvicorn.Server(uvicorn.Config(hello, log_config=None)).capture_signals():
            signal.raise_signal(signal.SIGTERM)
            assert told == []
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == [signal.SIGTERM], "DrainingServer.handle_exit can leave capturing to uvicorn"


async def test_an_upgrade_that_it_ignores_is_a_warning(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    plain = await serve(hello, ws="none")
    with caplog.at_level(logging.WARNING):
        async with connected(plain.address) as connection:
            connection.request("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA")
            assert (await connection.answer()).status == 200
    assert caplog.records, "GuardedProtocol need not silence the warning any more"

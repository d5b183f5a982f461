"""A log that nobody reads."""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2

from support.process import Server, Service, until
from support.resilience import Measured
from support.servers import free_port
from support.wire import connected

REQUESTS = 12_000
CONNECTIONS = 8


STALLED = 5.0
"""Seconds without an answer after which none will come."""


async def ask(server: Server) -> int:
    """Return how many of the requests were answered."""
    answered = 0

    async def client() -> None:
        nonlocal answered
        async with connected(server) as connection:
            for _ in range(0, REQUESTS // CONNECTIONS, 100):
                for _ in range(100):
                    connection.request("/no-such-path")
                for _ in range(100):
                    async with asyncio.timeout(STALLED):
                        assert (await connection.answer()).status == 404
                    answered += 1

    with contextlib.suppress(TimeoutError):
        await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return answered


@contextlib.contextmanager
def stalled(service: Service, log: Path, *, plain: bool = False) -> Iterator[Server]:
    """Serve into a pipe that nobody reads."""
    ports = {"PORT": str(free_port()), "APP_ADMIN__PORT": str(free_port())}
    process = service.given(**ports).on_free_ports().start("serve", stdout=subprocess.PIPE)
    server = Server(process, log)
    server.port = int(ports["PORT"])
    server.admin_port = server.port if plain else int(ports["APP_ADMIN__PORT"])
    try:
        until(lambda: answers(server), "readiness")
        yield server
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_a_stalled_reader_blocks_no_request_and_learns_what_it_missed(
    service: Service, tmp_path: Path, measured: Measured
) -> None:
    with stalled(service.plain(), tmp_path / "plain", plain=True) as server:
        plain = asyncio.run(ask(server))
    with stalled(service.faulty(), tmp_path / "log") as server:
        process = server.process
        assert process.stdout
        ours = asyncio.run(ask(server))
        text = "answered: {}"
        fault = "nobody reads the log"
        measured(5, fault, f"answered: all {REQUESTS:,}", ours=text.format(ours), plain=text.format(plain))
        assert ours == REQUESTS
        dropped = server.metric("log_records_dropped_total", level="INFO")
        assert dropped > 0
        # Errors are kept when nothing else is any more.
        assert httpx2.get(f"{server.url}/test/log").status_code == 200
        assert server.metric("log_records_dropped_total", level="ERROR") == 0
        assert server.admin("/livez").status_code == 200
        dropped = server.metric("log_records_dropped_total", level="INFO")
        with (tmp_path / "log").open("wb") as log:
            reader = threading.Thread(target=copy, args=(process.stdout.fileno(), log.fileno()))
            reader.start()
            until(lambda: any("lost" in line for line in server.log()), "a word on what was lost")
            server.signal(signal.SIGTERM)
            assert process.wait(30) == 0
            reader.join()
    (told,) = [line for line in server.log() if "lost" in line]
    assert told["level"] == "WARNING"
    assert told["lost"] == {"INFO": dropped}
    assert server.logged(level="ERROR", message="Lost last")
    access = server.logged(logger="access")
    assert len(access) + dropped == REQUESTS + 1


def test_no_secret_is_logged_wherever_it_comes_from(service: Service, tmp_path: Path) -> None:
    variables = {
        "REDIS_URL": f"redis://user:canary%40one@127.0.0.1:{free_port()}/0",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20canary-two",
    }
    with service.given(**variables).faulty().served(tmp_path / "log") as server:
        for text in ("canary@one", "canary%2540one", "Bearer canary-two"):
            assert httpx2.get(f"{server.url}/test/fail?text={text}").status_code == 500
    logged = server.logged(message="Unhandled exception")
    assert [line["exception"]["message"] for line in logged] == ["***"] * 3
    assert "canary" not in (tmp_path / "log").read_text()


def answers(server: Server) -> bool:
    try:
        return server.admin("/readyz").status_code == 200
    except httpx2.ConnectError:
        return False


def copy(source: int, target: int) -> None:
    while data := os.read(source, 1 << 16):
        os.write(target, data)

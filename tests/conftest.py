"""What the tests share: bakes, and real PostgreSQL and Redis servers from Debian's packages."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests_types import Bake

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def bake(tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """Bake with the given answers and return the service's folder."""

    def bake(**answers: str) -> Path:
        output = tmp_path_factory.mktemp("bake")
        home = tmp_path_factory.mktemp("home")
        subprocess.run(
            [sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", str(output), str(ROOT)]
            + [f"{name}={answer}" for name, answer in answers.items()],
            env={"HOME": str(home), "PATH": ""},
            check=True,
            capture_output=True,
            text=True,
        )
        (service,) = output.iterdir()
        return service

    return bake


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run a server until the end of the block, once it accepts connections."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command[0]} did not begin to listen on port {port}")
        yield
    finally:
        # PostgreSQL takes SIGTERM as "once every client has gone", SIGINT as "now".
        process.send_signal(signal.SIGINT)
        process.wait(30)


def as_nobody(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.skip("there is no PostgreSQL; apt-get install postgresql")
    folder = Path(f"/tmp/slipway-postgresql-{os.getpid()}")
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    port = free_port()
    initdb = [str(binaries[-1] / "initdb"), "-D", str(folder / "data"), "-U", "slipway", "--auth=trust"]
    try:
        subprocess.run(as_nobody(initdb), check=True, capture_output=True, cwd="/")
        server = [str(binaries[-1] / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        # `postgres` listens before it accepts; a second wait for a real connection is the client's own.
        with running(as_nobody([*server, *options]), port):
            ready = [str(binaries[-1] / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "30"]
            while subprocess.run(ready, check=False).returncode:
                time.sleep(0.1)
            yield f"postgresql://slipway@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no Redis; apt-get install redis-server")
    port = free_port()
    folder = str(tmp_path_factory.mktemp("redis"))
    with running(["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder], port):
        yield f"redis://127.0.0.1:{port}/0"

"""Real servers from Debian's packages, and ports for them."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], ready: list[str], end: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """Run a server until the end of the block, from when the command `ready` succeeds."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd="/")
        try:
            deadline = time.monotonic() + 60
            while subprocess.run(ready, capture_output=True, check=False, cwd="/").returncode:
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"{command[0]} does not answer: {log.read().decode()[-2000:]}")
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(end)
            process.wait(30)


@contextlib.contextmanager
def unprivileged_folder(user: str) -> Iterator[tuple[Path, list[str]]]:
    """Yield a new folder, and what to put before a command to run it as its owner: PostgreSQL refuses to be root."""
    # Not pytest's: its folders are closed to others, and a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder, []
        else:
            shutil.chown(folder, user, user)
            yield folder, ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


@contextlib.contextmanager
def postgresql() -> Iterator[str | None]:
    """Yield the address of a new server, or None where PostgreSQL is not installed."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not binaries:
        yield None
        return
    with unprivileged_folder("postgres") as (folder, as_user):
        port, data = str(free_port()), str(folder / "data")
        initdb = [str(binaries[-1] / "initdb"), "-D", data, "-U", "slipway", "--auth=trust", "--no-sync"]
        subprocess.run([*as_user, *initdb], check=True, capture_output=True, cwd="/")
        settings = ["listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off", "max_connections=300"]
        server = [str(binaries[-1] / "postgres"), "-D", data, "-p", port, "-k", str(folder)]
        server += [part for setting in settings for part in ("-c", setting)]
        ready = [str(binaries[-1] / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port]
        # SIGINT ends it at once; SIGTERM would wait for its clients.
        with running([*as_user, *server], ready, end=signal.SIGINT):
            yield f"postgresql://slipway@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def redis() -> Iterator[str | None]:
    """Yield the address of a new server, or None where Redis is not installed."""
    server = shutil.which("redis-server")
    if server is None:
        yield None
        return
    with unprivileged_folder("redis") as (folder, as_user):
        port = str(free_port())
        command = [*as_user, server, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", str(folder)]
        with running(command, ["redis-cli", "-p", port, "ping"]):
            yield f"redis://127.0.0.1:{port}/0"

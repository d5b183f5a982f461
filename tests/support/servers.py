"""Real servers from Debian's packages, and ports for them."""

import contextlib
import fcntl
import lzma
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2

from support.baking import ROOT


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Running:
    """A server from when the command `ready` succeeds. It can fall silent, die, and come back at the same address."""

    def __init__(self, url: str, command: list[str], ready: list[str], end: signal.Signals) -> None:
        self.url = url
        self._command, self._ready, self._end = command, ready, end
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the server
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=subprocess.STDOUT, cwd="/")
        deadline = time.monotonic() + 60
        while subprocess.run(self._ready, capture_output=True, check=False, cwd="/").returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                self._log.seek(0)
                raise RuntimeError(f"{self._command[0]} does not answer: {self._log.read().decode()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once: whoever is connected sees the connection close, and who comes is refused."""
        self._signal_all(signal.SIGCONT)
        self._process.send_signal(self._end)
        self._process.wait(30)

    def crash(self) -> None:
        """End it and its children by SIGKILL, all from the same moment on."""
        self.fall_silent()
        for pid in (self._process.pid, *self._children()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(30)

    def fall_silent(self) -> None:
        """Stop it and its children where they are: connections stay open, new ones are made, and nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def mend(self) -> None:
        """Let it go on, or start it again, whatever was done to it."""
        if self._process.poll() is None:
            self._signal_all(signal.SIGCONT)
        else:
            self.start()

    def close(self) -> None:
        if self._process.poll() is None:
            self.stop()
        self._log.close()

    def _signal_all(self, number: signal.Signals) -> None:
        # The parent first, so that it has no other child when they are listed.
        os.kill(self._process.pid, number)
        for pid in self._children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _children(self) -> list[int]:
        listed = ["ps", "-o", "pid=", "--ppid", str(self._process.pid)]
        return [int(pid) for pid in subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split()]


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
def postgresql() -> Iterator[Running | None]:
    """Yield a new server, or None where PostgreSQL is not installed. Only the role `guarded` needs a password."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not binaries:
        yield None
        return
    with unprivileged_folder("postgres") as (folder, as_user):
        port, data = str(free_port()), str(folder / "data")
        initdb = [str(binaries[-1] / "initdb"), "-D", data, "-U", "slipway", "--auth=trust", "--no-sync"]
        subprocess.run([*as_user, *initdb], check=True, capture_output=True, cwd="/")
        hba = folder / "data/pg_hba.conf"
        hba.write_text("host all guarded all scram-sha-256\n" + hba.read_text())
        settings = ["listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off", "max_connections=300"]
        server = [str(binaries[-1] / "postgres"), "-D", data, "-p", port, "-k", str(folder)]
        server += [part for setting in settings for part in ("-c", setting)]
        ready = [str(binaries[-1] / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port]
        url = f"postgresql://slipway@127.0.0.1:{port}/postgres"
        # SIGINT ends it at once; SIGTERM would wait for its clients.
        with contextlib.closing(Running(url, [*as_user, *server], ready, signal.SIGINT)) as running:
            yield running


def sql(server: Running, statement: str, database: str = "postgres") -> str:
    """Run a statement on a PostgreSQL, as its superuser, and return what psql prints."""
    url = server.url.rpartition("/")[0] + "/" + database
    command = ["psql", "--no-psqlrc", "-qAt", url, "-c", statement]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def new_database(server: Running, template: str = "template1") -> str:
    """Make a database of one's own on a PostgreSQL, as a copy of another, and return its URL."""
    name = f"test_{uuid4().hex}"
    sql(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url.rpartition("/")[0] + "/" + name


@contextlib.contextmanager
def redis() -> Iterator[Running | None]:
    """Yield a new server, or None where Redis is not installed."""
    server = shutil.which("redis-server")
    if server is None:
        yield None
        return
    with unprivileged_folder("redis") as (folder, as_user):
        port = str(free_port())
        command = [*as_user, server, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", str(folder)]
        url, ready = f"redis://127.0.0.1:{port}/0", ["redis-cli", "-p", port, "ping"]
        with contextlib.closing(Running(url, command, ready, signal.SIGTERM)) as running:
            yield running


class Registry(NamedTuple):
    host: str
    certificate: Path
    username: str = "releaser"
    password: str = "local"


REGISTRY = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "{host}", tls: {{certificate: {folder}/certificate.pem, key: {folder}/key.pem}}}}
auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}
"""


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[Registry | None]:
    """Yield a new registry for images and charts, which lets in one user by TLS, or None where there is none."""
    server = shutil.which("docker-registry")
    if server is None:
        yield None
        return
    port = free_port()
    registry = Registry(f"localhost:{port}", folder / "certificate.pem")
    certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    certificate += ["-addext", "subjectAltName=DNS:localhost", "-keyout", f"{folder}/key.pem"]
    subprocess.run([*certificate, "-out", registry.certificate], check=True, capture_output=True)
    # bcrypt of the password: the registry takes nothing else.
    hashed = "$2b$05$abcdefghijklmnopqrstuuYsV0vVFubT4C45vxUR7dxvuKpuQYWeS"
    (folder / "htpasswd").write_text(f"{registry.username}:{hashed}\n")
    (folder / "config.yml").write_text(REGISTRY.format(folder=folder, host=f"127.0.0.1:{port}"))
    ready = [sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}))"]
    command = [server, "serve", str(folder / "config.yml")]
    with contextlib.closing(Running(f"https://{registry.host}", command, ready, signal.SIGTERM)):
        yield registry


class Jaeger(NamedTuple):
    otlp_url: str
    query_url: str


def _tool(variable: str, name: str, packed_name: str) -> Path | None:
    """Return a tool's path: what the variable names, or what is on PATH, or unpacked from beside the checkout."""
    if named := os.environ.get(variable) or shutil.which(name):
        return Path(named)
    packed = ROOT.parent / f"shared/cluster/bin/{packed_name}.xz"
    if not packed.exists():
        return None
    unpacked = ROOT / "build" / packed_name
    unpacked.parent.mkdir(exist_ok=True)
    with unpacked.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not unpacked.exists():
            partial = unpacked.with_suffix(".partial")
            with lzma.open(packed) as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target)
            partial.chmod(0o755)
            partial.rename(unpacked)
    return unpacked


@contextlib.contextmanager
def jaeger() -> Iterator[Jaeger | None]:
    """Yield a new Jaeger, or None where there is none."""
    command = _tool("JAEGER", "jaeger-all-in-one", "jaeger")
    if command is None:
        yield None
        return
    roles = ["collector.otlp.http", "collector.otlp.grpc", "collector.http-server", "collector.grpc-server"]
    roles += ["query.http-server", "query.grpc-server", "admin.http"]
    addresses = {role: f"127.0.0.1:{free_port()}" for role in roles}
    query_url = f"http://{addresses['query.http-server']}"
    ready = [sys.executable, "-c", f"import urllib.request; urllib.request.urlopen('{query_url}/api/services')"]
    flags = [f"--{role}.host-port={address}" for role, address in addresses.items()]
    # It keeps nothing, and takes 20 s to end politely.
    with contextlib.closing(Running(query_url, [str(command), *flags], ready, signal.SIGKILL)):
        yield Jaeger(f"http://{addresses['collector.otlp.http']}", query_url)


class Network:
    """The way from a service to a server, by toxiproxy, which can be broken and mended."""

    def __init__(self, api: httpx2.Client, server: str) -> None:
        """`server` is the URL of what listens at the other end."""
        self._api, self._name = api, uuid4().hex
        parts = urlsplit(server)
        proxy = {"name": self._name, "listen": f"127.0.0.1:{free_port()}", "upstream": f"127.0.0.1:{parts.port}"}
        self._post("/proxies", **proxy)
        user = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{user}@{proxy['listen']}" if user else proxy["listen"]).geturl()

    def falls_silent(self) -> None:
        """Connections stay open and new ones are made, and nothing that is sent arrives, in either direction."""
        for stream in ("upstream", "downstream"):
            self.has("timeout", stream, timeout=0)

    def is_cut(self) -> None:
        """Connections end and new ones are refused."""
        self._post(f"/proxies/{self._name}", enabled=False)

    def has(self, toxic: str, stream: str = "downstream", /, **attributes: int) -> None:
        """Add a toxic, as toxiproxy names them: latency, bandwidth, slow_close, reset_peer, slicer, limit_data …"""
        self._post(f"/proxies/{self._name}/toxics", type=toxic, stream=stream, toxicity=1.0, attributes=attributes)

    def mend(self) -> None:
        for toxic in self._api.get(f"/proxies/{self._name}/toxics").raise_for_status().json():
            self._api.delete(f"/proxies/{self._name}/toxics/{toxic['name']}").raise_for_status()
        self._post(f"/proxies/{self._name}", enabled=True)

    def close(self) -> None:
        self._api.delete(f"/proxies/{self._name}").raise_for_status()

    def _post(self, path: str, **what: object) -> None:
        self._api.post(path, json=what).raise_for_status()


@contextlib.contextmanager
def toxiproxy() -> Iterator[httpx2.Client | None]:
    """Yield a client of a new toxiproxy's API, or None where there is none."""
    command = _tool("TOXIPROXY", "toxiproxy-server", "toxiproxy-server")
    if command is None:
        yield None
        return
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    ready = [sys.executable, "-c", f"import urllib.request; urllib.request.urlopen('{url}/version')"]
    running = Running(url, [str(command), "-host", "127.0.0.1", "-port", port], ready, signal.SIGKILL)
    with contextlib.closing(running), httpx2.Client(base_url=url, timeout=10) as api:
        yield api

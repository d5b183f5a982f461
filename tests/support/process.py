"""A baked service as a process of its own: its commands, and its server, on ports of its choice."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2

T = TypeVar("T")


def until(condition: Callable[[], T], what: str, seconds: float = 30) -> T:
    """Ask again until the condition is true, and return what it returned.

    Raises:
        TimeoutError: it was not true within the time, which is far longer than it should take.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)
    return found


class Service:
    """An installed service's folder, and the environment in which its commands run: no variable is set but those."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        (self.package,) = (path.parent.name for path in folder.glob("src/*/__main__.py"))
        self._env = {"PATH": os.environ["PATH"], "HOME": str(folder)} | variables
        self._serve = ["-m", self.package, "serve"]
        self._server = Server

    def given(self, **variables: str) -> "Service":
        """Return the same service with more variables."""
        service = Service(self.folder, self._env | variables)
        service._serve, service._server = self._serve, self._server
        return service

    def faulty(self, routes: str = "faulty.py") -> "Service":
        """Return the same service, which when served also has the routes of `faulty.py`, or another file beside it."""
        service = self.given()
        service._serve = [str(Path(__file__).with_name(routes)), self.package]
        return service

    def plain(self) -> "Service":
        """Return what this service is compared with: `plain.py` in the same environment, with the same libraries."""
        service = self.given()
        service._serve, service._server = [str(Path(__file__).with_name("plain.py"))], PlainServer
        return service

    def bare(self) -> "Service":
        """Return FastAPI with nothing else, `bare.py`, by the same Python."""
        service = self.given()
        service._serve, service._server = [str(Path(__file__).with_name("bare.py"))], PlainServer
        return service

    def variable(self, name: str) -> str:
        return self._env[name]

    def command(self, *arguments: str) -> list[str]:
        own = self._serve if arguments == ("serve",) else ["-m", self.package, *arguments]
        return [str(self.folder / ".venv/bin/python"), *own]

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; fail the test unless it ends with the code."""
        result = subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self._env, capture_output=True, text=True, check=False
        )
        assert result.returncode == code, result.stdout + result.stderr
        return result

    def start(self, *arguments: str, stdout: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=self._env, stdout=stdout, stderr=subprocess.STDOUT
        )

    def on_free_ports(self) -> "Service":
        """Return the same service, listening on this machine only, and on ports of its choice unless told otherwise."""
        addresses = {"APP_HOST": "127.0.0.1", "PORT": "0", "APP_ADMIN__HOST": "127.0.0.1", "APP_ADMIN__PORT": "0"}
        return self.given(**addresses | self._env)

    @contextlib.contextmanager
    def served(self, log: Path, *, ready: bool = True) -> Iterator["Server"]:
        """Serve from when it is ready until the end of the block, and fail the test unless it then ends with 0.

        `ready=False` waits only for its listeners. The log is written to a file.
        """
        with log.open("wb") as stdout:
            server = self._server(self.on_free_ports().start("serve", stdout=stdout), log)
        try:
            server.wait_until_listening()
            if ready:
                until(lambda: server.admin("/readyz").status_code == 200, f"readiness; see {log}")
            yield server
            if not server.crashed:
                server.end()
        finally:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()


class Server:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log
        self.port = self.admin_port = 0
        self.crashed = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"

    def wait_until_listening(self) -> None:
        self.admin_port = self._logged_port(r"Admin server on port (\d+)", "the admin server")
        self.port = self._logged_port(r"running on http://[\d.]+:(\d+)", "the listener")

    def _logged_port(self, pattern: str, what: str) -> int:
        def port() -> int:
            found = re.search(pattern, self._log.read_text())
            if found is None and self.process.poll() is not None:
                raise RuntimeError(f"the service ended with {self.process.returncode}: {self._log.read_text()}")
            return int(found[1]) if found else 0

        return until(port, f"{what}; see {self._log}")

    def admin(self, path: str) -> httpx2.Response:
        return httpx2.get(self.admin_url + path, timeout=10)

    def metric(self, name: str, /, **labels: str) -> float:
        """Return the sum of a metric's samples that have these labels."""
        samples = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", self.admin("/metrics").text, re.M)
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        return sum(float(value) for found, value in samples if all(label in found for label in wanted))

    def connections(self) -> int:
        """Return how many connections there are to its port, as the kernel counts them."""
        sockets = [line.split() for line in Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]]
        return sum(local.endswith(f":{self.port:04X}") and state == "01" for _, local, _, state, *_ in sockets)

    def log(self) -> list[dict[str, Any]]:
        """Return what was logged so far; whatever is no JSON object fails the test."""
        text = self._log.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def logged(self, **fields: object) -> list[dict[str, Any]]:
        return [line for line in self.log() if all(line.get(name) == value for name, value in fields.items())]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def crash(self) -> None:
        """End it by SIGKILL: nothing of it can still act."""
        self.crashed = True
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End it as Kubernetes does, and see that it calls that a success."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self._log.read_text()


class PlainServer(Server):
    """Plain uvicorn: its probes are on its one port, its log is text, and SIGTERM is what it says that it died of."""

    def wait_until_listening(self) -> None:
        self.admin_port = self.port = self._logged_port(r"running on http://[\d.]+:(\d+)", "the listener")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()

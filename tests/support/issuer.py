"""An issuer of tokens as a process of its own: what it serves is told to it, and it counts what it is asked.

Run as a program it is the process; `Issuer` is what a test has of it, and mints tokens as the issuer would.
"""

import base64
import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

AUDIENCE = "orders"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"

MAKERS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@dataclass
class Key:
    """A key with which the issuer signs."""

    kid: str
    algorithm: str
    private: Any

    def jwk(self) -> dict[str, Any]:
        kind = jwt.algorithms.get_default_algorithms()[self.algorithm]
        public: dict[str, Any] = kind.to_jwk(self.private.public_key(), as_dict=True)
        return public | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def public_pem(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return bytes(self.private.public_key().public_bytes(serialization.Encoding.PEM, form))


def new_key(kid: str, algorithm: str = "ES256") -> Key:
    return Key(kid, algorithm, MAKERS[algorithm]())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Issuer:
    """What a test has of the process."""

    url: str
    process: subprocess.Popen[str]
    command: list[str]
    keys: list[Key] = field(default_factory=list)

    def publish(self, *keys: Key) -> None:
        """Serve these keys, and no other."""
        self.keys = list(keys)
        self.serve(DISCOVERY, {"issuer": self.url, "jwks_uri": self.url + KEYS})
        self.serve(KEYS, {"keys": [key.jwk() for key in keys]})

    def serve(self, path: str, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer a path so from now on; text goes out as it is."""
        body = content if isinstance(content, str) else json.dumps(content)
        told = {"path": path, "status": status, "headers": headers or {}, "body": body}
        httpx2.post(self.url + "/control", json=told).raise_for_status()

    def asked(self, path: str = KEYS) -> int:
        """Return how often a path was asked for."""
        found: dict[str, int] = httpx2.get(self.url + "/control").json()
        return found.get(path, 0)

    def token(self, key: Key | None = None, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token that is good but for what is said here; a claim that is None is left out."""
        key = key or self.keys[0]
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "somebody", "iat": now, "exp": now + 300}
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        head = {"kid": key.kid} | (headers or {})
        return jwt.encode(said, key.private, key.algorithm, {k: v for k, v in head.items() if v is not None})

    def fall_silent(self) -> None:
        """Stop where it is: connections are made, and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End it: who comes is refused."""
        self.process.kill()
        self.process.communicate()

    def mend(self) -> None:
        """Let it go on, or start it again at the same address, with the keys that it had."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        else:
            self.process, _ = _start([*self.command, self.url.rpartition(":")[2]])
        self.publish(*self.keys)


def _start(command: list[str]) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


@contextlib.contextmanager
def issuer() -> Iterator[Issuer]:
    command = [sys.executable, str(Path(__file__))]
    process, port = _start(command)
    running = Issuer(f"http://127.0.0.1:{port}", process, command)
    try:
        running.publish(new_key("first"))
        yield running
    finally:
        running.stop()


class _Handler(BaseHTTPRequestHandler):
    answers: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - of the process
    counts: dict[str, int] = {}  # noqa: RUF012 - of the process
    lock = threading.Lock()

    def do_GET(self) -> None:
        if self.path == "/control":
            self._answer(200, {}, json.dumps(self.counts))
            return
        with self.lock:
            self.counts[self.path] = self.counts.get(self.path, 0) + 1
        told = self.answers.get(self.path, {"status": 404, "headers": {}, "body": ""})
        self._answer(told["status"], told["headers"], told["body"])

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answers[told["path"]] = told
        self._answer(200, {}, "")

    def _answer(self, status: int, headers: dict[str, str], body: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()

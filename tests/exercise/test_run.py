"""`make run` as a newcomer types it: from a fresh copy with an empty home, until Ctrl-C, which is no error."""

import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from http.client import HTTPConnection
from pathlib import Path

import pytest

from support.baking import ROOT
from support.checkout import copy_checkout
from support.services import environment, interpreter
from support.terminal import terminal

URL = "http://127.0.0.1:8000"
MAKE = ["make", "run"]


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment(tmp_path_factory.mktemp("home"), APP_SHUTDOWN__DRAIN="0.1")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of what is committed, or would be."""
    return copy_checkout(tmp_path_factory.mktemp("clone") / "slipway")


def served(path: str, body: dict[str, str] | None = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read())


def children(pid: int) -> list[int]:
    """Return a process and all below it, the lowest last."""
    found = [pid]
    for parent in found:
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False
        )
        found += map(int, listed.stdout.split())
    return found


# One test, since all of it needs port 8000.
def test_it_bakes_and_serves_until_ctrl_c_which_is_no_error(checkout: Path, env: dict[str, str]) -> None:
    python = f"PYTHON={interpreter('python3.11')}"
    with terminal([*MAKE, python], checkout, env) as person:
        person.wait_until_served(f"{URL}/v1/items", seconds=240)
        assert served("/v1/items", {"name": "Tea"}) != served("/v1/items")
        person.press_ctrl_c()
        assert person.exit_code(30) == 0, person.printed
        assert f"Serving at {URL}" in person.printed
        assert "Error" not in person.printed
        assert "\nmake" not in person.printed
    service = checkout / "build/orders-service"
    assert served_again_keeps_its_data(service, env, python)
    ends_with_the_service(service, env, python)
    drains_on_sigterm(service, env | {"APP_SHUTDOWN__DRAIN": "5"}, python)
    fails_where_the_service_cannot_start(service, env, python)


def served_again_keeps_its_data(service: Path, env: dict[str, str], python: str) -> bool:
    """Baking over a service keeps its database: its own `make run` still has the item."""
    with terminal([*MAKE, python], service, env) as person:
        person.wait_until_served(f"{URL}/v1/items", seconds=60)
        found = "Tea" in json.dumps(served("/v1/items"))
        person.press_ctrl_c()
        assert person.exit_code(30) == 0, person.printed
    return found


def ends_with_the_service(service: Path, env: dict[str, str], python: str) -> None:
    """SIGINT to the service alone ends `make run` in the same way."""
    with terminal([*MAKE, python], service, env) as person:
        person.wait_until_served(f"{URL}/v1/items", seconds=60)
        os.kill(children(person.pid)[-1], signal.SIGINT)
        assert person.exit_code(30) == 0, person.printed


def drains_on_sigterm(service: Path, env: dict[str, str], python: str) -> None:
    """While it drains it is alive, not ready, still answers, and says that the connection ends; then it ends with 0."""
    with terminal([*MAKE, python], service, env) as person:
        person.wait_until_served("http://127.0.0.1:9090/readyz", seconds=60)
        assert connection_header() is None
        os.kill(children(person.pid)[-1], signal.SIGTERM)
        while status("http://127.0.0.1:9090/readyz") == 200:
            person.read(0.05)
        assert status("http://127.0.0.1:9090/readyz") == 503
        assert status("http://127.0.0.1:9090/livez") == 200
        assert connection_header() == "close"
        assert person.exit_code(30) == 0, person.printed


def connection_header() -> str | None:
    """Ask on a connection that would stay open; urllib asks for its end, and so would always be told of it."""
    connection = HTTPConnection("127.0.0.1", 8000, timeout=5)
    try:
        connection.request("GET", "/v1/items")
        return connection.getresponse().headers["connection"]
    finally:
        connection.close()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def fails_where_the_service_cannot_start(service: Path, env: dict[str, str], python: str) -> None:
    """The twin of them all: an error is still one."""
    with terminal([*MAKE, python], service, env | {"PORT": "many"}) as person:
        assert person.exit_code(30) == 2
        assert "PORT" in person.printed


def test_an_old_python_is_named(checkout: Path, env: dict[str, str], tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.10.1"\nexit 1\n')
    old.chmod(0o755)
    shutil.copy2(ROOT / "{{cookiecutter.project_slug}}/Makefile", tmp_path / "Makefile")
    for name in ("pyproject.toml", "requirements-dev.lock"):
        (tmp_path / name).touch()
    template = shutil.copytree(checkout, tmp_path / "fresh", ignore=shutil.ignore_patterns(".venv", "build"))
    for folder in (template, tmp_path):
        result = subprocess.run(
            ["make", "test", f"PYTHON={old}"], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        assert result.returncode
        assert "is Python 3.10.1; this needs 3.11 or newer" in result.stderr

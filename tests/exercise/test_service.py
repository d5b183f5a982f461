"""A baked service proves itself by its own commands, on each Python, against real servers."""

import os
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
from tests_names import AWKWARD
from tests_types import Bake

SHAPES = [
    ("python3.11", AWKWARD[0]),
    ("python3.12", AWKWARD[1]),
    ("python3.13", AWKWARD[2]),
    ("python3.11", {"include_example": "false"}),
]


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = ("PATH", "CI", "LANG")
    pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    return {name: os.environ[name] for name in kept if name in os.environ} | pip | {"HOME": str(home)} | more


def make(service: Path, target: str, python: str, env: dict[str, str]) -> None:
    result = subprocess.run(
        ["make", target, f"PYTHON={python}"], cwd=service, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def interpreter(name: str) -> str:
    """Return the path of a Python on this machine, pyenv's included."""
    candidates = [shutil.which(name), *map(str, Path.home().glob(f".pyenv/versions/*/bin/{name}"))]
    for candidate in candidates:
        if candidate and subprocess.run([candidate, "-V"], capture_output=True, check=False).returncode == 0:
            return candidate
    pytest.skip(f"there is no {name} here")


@pytest.mark.parametrize(("python", "answers"), SHAPES, ids=lambda value: str(value)[:60])
def test_its_own_check_and_tests_pass(
    bake: Bake, tmp_path: Path, postgresql_url: str, redis_url: str, python: str, answers: dict[str, str]
) -> None:
    python = interpreter(python)
    service = bake(**answers)
    env = environment(tmp_path, TEST_DATABASE_URL=postgresql_url, TEST_REDIS_URL=redis_url)
    make(service, "check", python, env)
    make(service, "test", python, env)


def test_it_serves_and_ends_with_code_0(bake: Bake, tmp_path: Path) -> None:
    service = bake()
    env = environment(tmp_path, APP_SHUTDOWN__DRAIN="0", APP_ENV="local")
    make(service, "migrate", "python3", env)
    with (tmp_path / "log").open("w+") as log:
        ports = {"PORT": "0", "APP_ADMIN__PORT": "0", "APP_ADMIN__HOST": "127.0.0.1", "APP_HOST": "127.0.0.1"}
        process = subprocess.Popen(
            [service / ".venv/bin/python", "-m", "orders_service", "serve"], cwd=service, env=env | ports, stdout=log
        )
        try:
            while "Uvicorn running on" not in (text := (tmp_path / "log").read_text()):
                assert process.poll() is None, text
            url = text.partition("Uvicorn running on ")[2].partition(" ")[0]
            with urllib.request.urlopen(f"{url}/v1/items", timeout=10) as answer:
                assert answer.read() == b'{"items":[],"next_cursor":null}'
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()

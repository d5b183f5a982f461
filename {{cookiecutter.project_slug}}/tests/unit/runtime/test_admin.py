# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What probes and scrapes are told."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from {{ cookiecutter.__package }}.runtime.admin import (
    AdminServer,
    CannotListen,
)
from {{ cookiecutter.__package }}.runtime.health import (
    Check,
    HealthMonitor,
)
from {{ cookiecutter.__package }}.runtime.state import (
    State,
)

from support.server import settings_in


async def answering() -> None:
    """As a dependency that is well."""


async def failing() -> None:
    raise ConnectionError("postgresql://user:canary@host")


class Admin:
    def __init__(self, folder: Path, *checks: Check) -> None:
        self.state = State(started=True, listening=True)
        self.checks = checks
        settings = settings_in(folder, APP_ADMIN__LIVENESS_MAX_LAG="5", APP_REVISION="abc123")
        self.server = AdminServer(settings, HealthMonitor(self.state, list(checks)))

    def get(self, target: str, **headers: str) -> httpx2.Response:
        return httpx2.get(f"http://127.0.0.1:{self.server.port}{target}", headers=headers)

    def sample(self) -> None:
        for check in self.checks:
            for _ in range(3):
                asyncio.run(check.sample())


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Admin]:
    admin = Admin(tmp_path, Check("soft", answering, gates_startup=True), Check("hard", answering, hard=True))
    admin.sample()
    admin.server.start()
    yield admin
    admin.server.stop()


def test_all_is_well(admin: Admin) -> None:
    for probe in ("/livez", "/readyz", "/startupz"):
        assert admin.get(probe).status_code == 200
        assert admin.get(probe).json() == {"status": "ok"}


def test_liveness_fails_only_with_the_event_loop(admin: Admin) -> None:
    admin.state.draining = True
    for check in admin.checks:
        check.probe = failing
    admin.sample()
    assert admin.get("/livez").status_code == 200
    admin.state.heartbeat -= 5
    assert admin.get("/livez").status_code == 503
    assert admin.get("/livez").json()["failed"] == ["event loop"]


@pytest.mark.parametrize(("field", "value"), [("started", False), ("listening", False), ("draining", True)])
def test_readiness_follows_the_state(admin: Admin, field: str, value: bool) -> None:
    setattr(admin.state, field, value)
    answer = admin.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["failed"] == [field]


def test_readiness_fails_with_a_hard_dependency_and_degrades_with_another(admin: Admin) -> None:
    soft, hard = admin.checks
    soft.probe = failing
    admin.sample()
    assert admin.get("/readyz").status_code == 200
    assert admin.get("/readyz").json() == {"status": "degraded"}
    hard.probe = failing
    admin.sample()
    assert admin.get("/readyz").status_code == 503
    assert admin.get("/readyz").json()["failed"] == ["hard"]


def test_verbose_says_which_check_fails_since_when_and_no_secret(admin: Admin) -> None:
    admin.checks[0].probe = failing
    admin.sample()
    answer = admin.get("/readyz?verbose")
    (soft, _) = answer.json()["checks"]
    assert soft["ok"] is False
    assert soft["failing_since"]
    assert soft["reason"] == "ConnectionError"
    assert "canary" not in answer.text


def test_metrics_come_in_both_formats(admin: Admin) -> None:
    assert admin.get("/metrics").headers["content-type"].startswith("text/plain")
    assert "app_ready 1.0" in admin.get("/metrics").text
    openmetrics = admin.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert openmetrics.text.endswith("# EOF\n")


def test_info_says_what_is_running(admin: Admin) -> None:
    assert admin.get("/info").json()["revision"] == "abc123"


def test_another_path_is_a_404(admin: Admin) -> None:
    assert admin.get("/no-such-path").status_code == 404


def test_head_has_no_body(admin: Admin) -> None:
    answer = httpx2.head(f"http://127.0.0.1:{admin.server.port}/livez")
    assert answer.status_code == 200
    assert answer.content == b""


def test_a_port_that_is_taken_is_told_with_its_variable(admin: Admin, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, APP_ADMIN__PORT=str(admin.server.port))
    with pytest.raises(CannotListen, match=r"127\.0\.0\.1:\d+: Address already in use\. Set APP_ADMIN__PORT\."):
        AdminServer(settings, HealthMonitor(admin.state, []))

"""The server as a process: how it starts, answers and ends."""

from pathlib import Path

import httpx2

from support.drift import template_versions
from support.process import Service


def test_it_serves_until_sigterm_which_is_no_error(service: Service, tmp_path: Path) -> None:
    with service.served(tmp_path / "log") as server:
        created = httpx2.post(f"{server.url}/v1/items", json={"name": "Tea"})
        assert created.status_code == 201
    assert server.process.returncode == 0
    assert server.logged(logger="access", http_response_status_code=201)


def test_it_says_which_version_of_the_template_it_has(service: Service, tmp_path: Path) -> None:
    (version,) = set(template_versions(service.folder).values())
    with service.served(tmp_path / "log") as server:
        assert server.admin("/info").json()["template_version"] == version
        assert server.metric("app_info", template=version) == 1
        assert server.metric("app_info", template="0.0.1") == 0

"""The server as a process: how it starts, answers and ends."""

from pathlib import Path

import httpx2

from support.process import Service


def test_it_serves_until_sigterm_which_is_no_error(service: Service, tmp_path: Path) -> None:
    with service.served(tmp_path / "log") as server:
        created = httpx2.post(f"{server.url}/v1/items", json={"name": "Tea"})
        assert created.status_code == 201
    assert server.process.returncode == 0
    assert server.logged(logger="access", http_response_status_code=201)

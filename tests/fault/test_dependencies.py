"""Dependencies that fall silent, die and come back: what callers, probes and metrics see of it, on real servers."""

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from support.outcomes import new_item
from support.process import Server, Service, until
from support.servers import Running, sql

BREAKS = pytest.mark.parametrize("break_it", [Running.fall_silent, Running.stop], ids=["silent", "refused"])
SOON = 8
"""Seconds: the service's own limit for a request. Its answer then would be a 504, and no test here takes that."""


@pytest.fixture
def on_postgresql(on_postgresql: Service) -> Service:
    """The same, with shorter waits than the usual ones."""
    return on_postgresql.given(
        APP_DATABASE__STATEMENT_TIMEOUT="2", APP_DATABASE__POOL_TIMEOUT="1", APP_DATABASE__CONNECT_TIMEOUT="0.9"
    )


def get(address: str) -> httpx2.Response:
    return httpx2.get(address, timeout=SOON + 2)


def status(server: Server) -> str:
    """Return what readiness says; it goes on being 200."""
    answer = server.admin("/readyz")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


def has_hit(server: Server, address: str) -> bool:
    before = server.metric("cache_requests_total", result="hit")
    assert get(address).status_code == 200
    return server.metric("cache_requests_total", result="hit") > before


@BREAKS
def test_a_cache_that_does_not_answer_fails_no_request(
    service: Service, breakable_redis: Running, tmp_path: Path, break_it: Callable[[Running], None]
) -> None:
    service = service.given(REDIS_URL=breakable_redis.url, APP_REDIS__KEY_PREFIX=uuid4().hex)
    with service.served(tmp_path / "log") as server:
        item = new_item(server)
        until(lambda: has_hit(server, item), "a hit")
        break_it(breakable_redis)

        def circuit_is_open() -> bool:
            assert get(item).status_code == 200
            return server.metric("cache_circuit_open") == 1

        until(circuit_is_open, "an open circuit")
        changed = httpx2.patch(item, json={"name": uuid4().hex}, headers={"If-Match": "*"}, timeout=SOON)
        assert changed.status_code == 200
        assert get(item).json() == changed.json()
        until(lambda: status(server) == "degraded", "readiness to know")
        assert server.metric("dependency_up", name="redis") == 0
        breakable_redis.mend()
        until(lambda: has_hit(server, item), "a hit after its return", seconds=60)
        assert server.metric("cache_circuit_open") == 0
        until(lambda: status(server) == "ok", "readiness to know of its return")


@BREAKS
def test_a_database_that_does_not_answer_is_a_503_in_time(
    on_postgresql: Service, breakable_postgresql: Running, tmp_path: Path, break_it: Callable[[Running], None]
) -> None:
    with on_postgresql.served(tmp_path / "log") as server:
        item = new_item(server)
        # One that nobody has asked for, so that no cache can answer.
        break_it(breakable_postgresql)
        for answer in (get(item), httpx2.post(f"{server.url}/v1/items", json={"name": "Tea"}, timeout=SOON + 2)):
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "1"
            assert re.fullmatch("[0-9a-f]{32}", answer.json()["trace_id"])
            access = {"logger": "access", "trace_id": answer.json()["trace_id"], "http_response_status_code": 503}
            until(lambda access=access: server.logged(**access), "the access line")  # type: ignore[misc]
        assert server.admin("/livez").status_code == 200
        until(lambda: status(server) == "degraded", "readiness to know")
        assert server.metric("dependency_up", name="database") == 0
        breakable_postgresql.mend()
        until(lambda: get(item).status_code == 200, "a good answer after its return")
        until(lambda: status(server) == "ok", "readiness to know of its return")


def test_a_hard_dependency_takes_the_pod_out(
    on_postgresql: Service, breakable_postgresql: Running, tmp_path: Path
) -> None:
    on_postgresql = on_postgresql.given(APP_READINESS_HARD_DEPENDENCIES="database")
    with on_postgresql.served(tmp_path / "log") as server:
        breakable_postgresql.stop()
        until(lambda: server.admin("/readyz").status_code == 503, "readiness to fail")
        assert server.admin("/readyz").json()["failed"] == ["database"]
        assert server.admin("/livez").status_code == 200
        breakable_postgresql.mend()
        until(lambda: server.admin("/readyz").status_code == 200, "readiness to succeed again")


def test_a_rotated_password_reaches_new_connections_and_no_log(
    on_postgresql: Service, breakable_postgresql: Running, tmp_path: Path
) -> None:
    database = on_postgresql.variable("DATABASE_URL").replace("slipway@", "guarded:%s@")
    secret, log = tmp_path / "secrets/DATABASE_URL", tmp_path / "log"
    secret.parent.mkdir()

    def rotate(password: str) -> None:
        sql(breakable_postgresql, f"ALTER ROLE guarded PASSWORD '{password}'")
        (tmp_path / "new").write_text(database % password)
        (tmp_path / "new").rename(secret)

    sql(breakable_postgresql, "DROP ROLE IF EXISTS guarded; CREATE ROLE guarded SUPERUSER LOGIN")
    rotate("first-canary")
    on_postgresql = on_postgresql.given(DATABASE_URL="", APP_SECRETS_DIR=str(secret.parent))
    with on_postgresql.served(log) as server:
        item = new_item(server)
        rotate("second-canary")
        # Connections that are open stay good; then none is.
        assert get(f"{server.url}/v1/items").status_code == 200
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'guarded'"
        assert int(sql(breakable_postgresql, ended)) > 0
        until(lambda: get(item).status_code == 200, "a good answer with the new password")
        assert server.process.poll() is None
        # The twin: the old password is one no longer.
        secret.write_text(database % "first-canary")
        sql(breakable_postgresql, ended)

        def is_refused() -> bool:
            answer = get(f"{server.url}/v1/items")
            return answer.status_code == 503 and "password authentication failed" in log.read_text()

        until(is_refused, "an answer to the old password")
    assert "canary" not in log.read_text()

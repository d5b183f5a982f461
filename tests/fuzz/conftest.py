"""The service as it is fuzzed: with its OpenAPI document, on either database, on PostgreSQL with Redis as well."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from support.process import Server, Service, until
from support.seed import REPEAT
from support.servers import Running, new_database


@pytest.fixture
def sqlite(service: Service) -> Service:
    return service.given(APP_HTTP__DOCS="true")


@pytest.fixture
def postgresql_and_redis(service: Service, postgresql: Running, redis: Running) -> Service:
    variables = {"DATABASE_URL": new_database(postgresql), "REDIS_URL": redis.url, "APP_REDIS__KEY_PREFIX": uuid4().hex}
    service = service.given(APP_HTTP__DOCS="true", **variables)
    service.run("migrate")
    return service


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("wire")
    limits = {
        "APP_HTTP__HEADER_TIMEOUT": "2",
        "APP_HTTP__BODY_TIMEOUT": "2",
        "APP_HTTP__KEEP_ALIVE_TIMEOUT": "1",
        "APP_HTTP__MAX_HEADER_SIZE": "4096",
        "APP_SHUTDOWN__DRAIN": "0",
    }
    service = Service(installed, {**limits, "DATABASE_URL": f"sqlite:///{folder}/service.db"})
    service.run("migrate")
    with service.faulty().served(folder / "log") as server:
        yield server
        # Nothing stays of it, and nothing of it was an error of the service's.
        until(lambda: server.metric("http_server_active_requests") == 0, "the end of all requests")
        until(lambda: server.connections() == 0, "the end of all connections")
        assert server.metric("http_server_request_duration_seconds_count", http_response_status_code="500") == 0
        assert not [line for line in server.log() if line["level"] in ("ERROR", "CRITICAL")], REPEAT
        assert server.admin("/readyz").status_code == 200

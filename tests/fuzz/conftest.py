"""The service as it is fuzzed: with its OpenAPI document, on either database, on PostgreSQL with Redis as well."""

from uuid import uuid4

import pytest

from support.process import Service
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

"""The service as it is fuzzed: with its OpenAPI document, on either database, on PostgreSQL with Redis as well."""

from uuid import uuid4

import pytest

from support.process import Service
from support.servers import Running, sql


@pytest.fixture
def sqlite(service: Service) -> Service:
    return service.given(APP_HTTP__DOCS="true")


@pytest.fixture
def postgresql_and_redis(service: Service, postgresql: Running, redis: Running) -> Service:
    name = f"fuzz_{uuid4().hex}"
    sql(postgresql, f"CREATE DATABASE {name}")
    url = postgresql.url.rpartition("/")[0] + "/" + name
    service = service.given(APP_HTTP__DOCS="true", DATABASE_URL=url, REDIS_URL=redis.url, APP_REDIS__KEY_PREFIX=name)
    service.run("migrate")
    return service

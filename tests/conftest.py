"""What the tests share: bakes, and real PostgreSQL and Redis servers, one of each for every worker."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from support import baking, servers
from support.baking import Bake

pytest_plugins = ["support.skips"]


@pytest.fixture(scope="session")
def bake(tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """Bake with the given answers and return the service's folder, which is the caller's own."""
    numbers, folder = count(), tmp_path_factory.mktemp("bakes")

    def bake(**answers: str) -> Path:
        return baking.bake(folder / str(next(numbers)), answers)

    return bake


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with servers.postgresql() as url:
        if url is None:
            pytest.skip("there is no PostgreSQL; apt-get install postgresql")
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        if url is None:
            pytest.skip("there is no Redis; apt-get install redis-server")
        yield url

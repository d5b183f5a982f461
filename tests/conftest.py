"""What the tests share: bakes, and real PostgreSQL and Redis servers, one of each for every worker."""

import contextlib
import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx2
import pytest

from support import baking, servers
from support.answers import SHORTEST
from support.baking import Bake
from support.process import Service
from support.servers import Network, Running
from support.services import environment, make
from support.workflows import Lines

pytest_plugins = ["support.skips", "support.truth"]


@pytest.fixture(scope="session")
def bake(tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """Return the folder of a service with the given answers, which is the caller's own; each is baked once."""
    numbers, folder = count(), tmp_path_factory.mktemp("bakes")
    baked: dict[frozenset[tuple[str, str]], Path] = {}

    def bake(**answers: str) -> Path:
        key = frozenset(answers.items())
        if key not in baked:
            baked[key] = baking.bake(folder / str(next(numbers)), answers)
        return shutil.copytree(baked[key], folder / str(next(numbers)) / baked[key].name, symlinks=True)

    return bake


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    """Commands of workflows: the test's parameter. A test that does not run them fails."""
    lines = Lines(request.param)
    yield lines
    assert lines.ran, "takes the lines of a workflow and does not run them"


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for bakes by the hundred, whose start in a process of its own would take longest."""
    return tmp_path_factory.mktemp("workshop")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Running]:
    """A real PostgreSQL. Whoever breaks it mends it, even where the test fails."""
    with servers.postgresql() as server:
        if server is None:
            pytest.skip("there is no PostgreSQL; apt-get install postgresql")
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Running]:
    """A real Redis. Whoever breaks it mends it, even where the test fails."""
    with servers.redis() as server:
        if server is None:
            pytest.skip("there is no Redis; apt-get install redis-server")
        yield server


@pytest.fixture
def breakable_postgresql(postgresql: Running) -> Iterator[Running]:
    yield postgresql
    postgresql.mend()


@pytest.fixture
def breakable_redis(redis: Running) -> Iterator[Running]:
    yield redis
    redis.mend()


@pytest.fixture(scope="session")
def postgresql_url(postgresql: Running) -> str:
    return postgresql.url


@pytest.fixture(scope="session")
def redis_url(redis: Running) -> str:
    return redis.url


@pytest.fixture(scope="session")
def jaeger() -> Iterator[servers.Jaeger]:
    with servers.jaeger() as jaeger:
        if jaeger is None:
            pytest.skip("there is no Jaeger; JAEGER may name its all-in-one")
        yield jaeger


@pytest.fixture(scope="session")
def toxiproxy() -> Iterator[httpx2.Client]:
    with servers.toxiproxy() as api:
        if api is None:
            pytest.skip("there is no toxiproxy; TOXIPROXY may name its server")
        yield api


@pytest.fixture
def network(toxiproxy: httpx2.Client) -> Iterator[Callable[[str], Network]]:
    """Return a way to the server of a URL that can be broken: each call, another."""
    with contextlib.ExitStack() as closing:

        def network(server: str) -> Network:
            return closing.enter_context(contextlib.closing(Network(toxiproxy, server)))

        yield network


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a service with awkward answers and all that it needs installed: one for all workers."""
    base = tmp_path_factory.getbasetemp()
    # A worker's folder is in the run's; without workers, its parent would be shared with other runs.
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "installed"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        services = list((shared / "bake/baked").glob("*/.venv/installed"))
        if not services:
            service = baking.bake(shared / "bake", SHORTEST)
            make(service, ".venv/installed", sys.executable, environment(shared))
            return service
    return services[0].parents[1]


@pytest.fixture(scope="session")
def migrated(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the service's schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "service.db"
    Service(installed, {"DATABASE_URL": f"sqlite:///{path}"}).run("migrate")
    return path


@pytest.fixture
def service(installed: Path, migrated: Path, tmp_path: Path) -> Service:
    """A service on a database of its own, SQLite and migrated, which drains in no time."""
    database = shutil.copy(migrated, tmp_path / "service.db")
    return Service(installed, {"DATABASE_URL": f"sqlite:///{database}", "APP_SHUTDOWN__DRAIN": "0"})

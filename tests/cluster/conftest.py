"""A cluster, images in it, and a service in a namespace of its own for each file of tests."""

import fcntl
import itertools
import os
import shutil
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support import baking, kubernetes
from support.baking import ROOT
from support.kubernetes import Node, Release
from support.load import Call

FAILURES = ROOT / "build/cluster-failures"
FIRST, SECOND, THIRD = "0.1.0", "0.2.0", "0.3.0"
"""Tags: the service, the same with one more migration, and with one that does what the table `rehearsal` says."""
MIGRATION = '''"""{message}."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""{statement}""")


def downgrade() -> None:
    raise NotImplementedError
'''
REHEARSED = """DO $$ BEGIN
  IF to_regclass('rehearsal') IS NOT NULL THEN
    IF (SELECT fails FROM rehearsal) THEN RAISE EXCEPTION 'rehearsed failure'; END IF;
    PERFORM pg_sleep((SELECT seconds FROM rehearsal));
  END IF;
END $$"""


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    name = os.environ.get("KUBECONFIG", "")
    if not name:
        pytest.skip("KUBECONFIG names no cluster; make test-cluster brings one up where it can")
    return name


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cluster"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def baked(nodes: list[Node], shared: Path) -> Path:
    """A baked service whose images are in the cluster: one for all workers."""
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "bake").exists():
            kubernetes.keep_dns_on(nodes[0])
            answers = {"project_slug": "orders", "image_registry": "localhost"}
            service = baking.bake(shared / "bake", answers)
            kubernetes.build(f"localhost/orders:{FIRST}", service)
            later = shared / "later"
            later.mkdir()
            add_migration(later, FIRST, SECOND, "0003", "0002", "ALTER TABLE item ADD COLUMN note VARCHAR(100)")
            add_migration(later, SECOND, THIRD, "0004", "0003", REHEARSED)
    return shared / "bake/baked/orders"


def add_migration(folder: Path, base: str, tag: str, revision: str, before: str, statement: str) -> None:
    text = MIGRATION.format(message=tag, revision=revision, before=before, statement=statement)
    (folder / f"{revision}.py").write_text(text)
    (folder / "Dockerfile").write_text(f"FROM localhost/orders:{base}\nCOPY {revision}.py migrations/versions/\n")
    kubernetes.build(f"localhost/orders:{tag}", folder)


@pytest.fixture(scope="session")
def nodes(kubeconfig: str) -> list[Node]:
    """The workers. The first one is never taken away: databases and whatever must not be disturbed run there."""
    found = kubernetes.workers()
    assert len(found) >= 2, "these tests need two nodes without taints"
    return found


@pytest.fixture(scope="module")
def at_work(kubeconfig: str, shared: Path) -> Iterator[None]:
    """While this is taken, nobody measures anything, and nobody takes nodes away."""
    with (shared / "turn").open("w") as turn, (shared / "installing").open("w") as installing:
        fcntl.flock(turn, fcntl.LOCK_SH)
        fcntl.flock(installing, fcntl.LOCK_SH)
        yield


VALUES: dict[str, object] = {
    "database": {"existingSecret": "postgresql"},
    "redis": {"existingSecret": "redis"},
    "service": {"type": "NodePort"},
    "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
}


@pytest.fixture(scope="module")
def release(
    request: pytest.FixtureRequest,
    baked: Path,
    nodes: list[Node],
    shared: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Release]:
    """The service's first version, installed. A file of tests may have `VALUES` of its own.

    Files run side by side, but for one that is `ALONE`: it loads the machine and takes nodes away, once all others have
    ended.
    """
    name = request.module.__name__.rpartition(".")[2].replace("_", "-")
    folder = Path(shutil.copytree(baked, tmp_path_factory.mktemp(name) / baked.name))
    alone = getattr(request.module, "ALONE", False)
    values = VALUES | getattr(request.module, "VALUES", {})
    if not alone:
        values["nodeSelector"] = {"kubernetes.io/hostname": nodes[0].name}
    release = Release(folder, name, values)
    with (shared / "turn").open("w") as turn, (shared / "installing").open("w") as installing:
        if not alone:
            fcntl.flock(turn, fcntl.LOCK_SH)
        try:
            fcntl.flock(installing, fcntl.LOCK_SH)
            release.create(nodes[0])
            release.upgrade(tag=FIRST)
            # Nine installations and builds at once take all of a small machine: nobody measures until all have ended.
            fcntl.flock(installing, fcntl.LOCK_EX)
            fcntl.flock(installing, fcntl.LOCK_UN)
            if alone:
                fcntl.flock(turn, fcntl.LOCK_EX)
            yield release
        except RuntimeError:
            release.describe(FAILURES / name)
            raise
        finally:
            release.delete()


def calls_to(url: str) -> Iterator[Call]:
    """Yield what a client does: read one, read a page, and now and then write."""
    run = f"{time.time_ns():x}"
    created = httpx2.post(f"{url}/v1/items", json={"name": f"Read {run}"}, timeout=10)
    assert created.status_code == 201, created.text
    for number in itertools.count():
        if number % 10 == 0:
            yield Call("POST", "/v1/items", {"name": f"Item {run} {number}"})
        elif number % 10 == 5:
            yield Call("GET", "/v1/items?limit=5")
        else:
            yield Call("GET", created.headers["location"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    funcargs: dict[str, Any] = getattr(item, "funcargs", {})
    if report.failed and "release" in funcargs:
        folder = FAILURES / item.name
        funcargs["release"].describe(folder)
        report.sections.append(("What the cluster said", f"{folder} holds events, logs and descriptions"))
    return report


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let nothing of an earlier run pass for this one's."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(FAILURES, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if FAILURES.exists():
        terminalreporter.write_line(f"Events, logs and descriptions of what failed are in {FAILURES}")

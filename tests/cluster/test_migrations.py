"""Migrations that fail, that take long, and that meet each other."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.conftest import SECOND, THIRD
from support.kubernetes import Object, Release, condition, tag_of, wait_until_settled
from support.process import until


@contextmanager
def rehearsed(release: Release, revision: str, *, fails: bool = False, seconds: int = 0) -> Iterator[None]:
    """Say what the next migration to 0004 does, from a schema that is at the given revision."""
    release.sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    release.sql(f"CREATE TABLE rehearsal AS SELECT {fails} AS fails, {seconds} AS seconds")
    try:
        yield
    finally:
        release.sql("DROP TABLE rehearsal")


def newest_job(release: Release) -> Object:
    return max(release.jobs(), key=lambda job: str(job["metadata"]["creationTimestamp"]))


def test_a_migration_that_fails_leaves_the_old_pods_serving_and_says_how_to_go_on(release: Release) -> None:
    before = release.uids()
    migrations = {"backoffLimit": 0}
    with rehearsed(release, "0002", fails=True):
        failed = release.upgrade(tag=THIRD, migrations=migrations, timeout="45s", check=False)
    assert failed.returncode
    assert newest_job(release)["metadata"]["name"] in failed.stderr
    assert before <= release.uids()
    assert "migrations.retryToken" in release.helm("get", "notes", release.name).stdout
    logs = release.kubectl("logs", "--selector", "app.kubernetes.io/component=migration", "--tail=-1")
    assert "rehearsed failure" in logs

    release.upgrade(tag=THIRD, migrations=migrations | {"retryToken": "1"})
    assert release.sql("SELECT version_num FROM alembic_version") == "0004"
    assert not before & release.uids()


def test_a_migration_of_two_minutes_is_waited_for_and_nothing_is_killed(release: Release) -> None:
    with rehearsed(release, "0003", seconds=120):
        began = time.monotonic()
        release.upgrade(tag=THIRD, migrations={"retryToken": "slow"})
    assert time.monotonic() - began > 120, "the migration did not take its time, so nothing was proven"
    status = newest_job(release)["status"]
    assert (status.get("succeeded"), status.get("failed")) == (1, None)
    assert release.restarts() == 0


def test_of_three_migrators_at_once_one_migrates(release: Release) -> None:
    template = newest_job(release)["spec"]["template"]
    # What the first Job has put there is the second one's to put.
    for label in ("controller-uid", "job-name"):
        template["metadata"]["labels"].pop(label, None)
        template["metadata"]["labels"].pop(f"batch.kubernetes.io/{label}", None)
    together = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "together"},
        "spec": {"parallelism": 3, "completions": 3, "backoffLimit": 0, "template": template},
    }
    with rehearsed(release, "0003", seconds=5):
        release.kubectl("apply", "-f", "-", stdin=json.dumps(together))
        until(lambda: condition(release.get("job", "together"), "Complete"), "three migrators", 120)
    logs = release.kubectl("logs", "--selector", "batch.kubernetes.io/job-name=together", "--tail=-1")
    assert logs.count("Running upgrade 0003 -> 0004") == 1
    assert logs.count("The schema is at the newest revision.") == 3


def test_pods_wait_for_a_schema_that_is_behind(release: Release) -> None:
    """The twin of the gate: with no Job at all, new pods never get as far as to serve, and the old ones do."""
    release.sql("UPDATE alembic_version SET version_num = '0002'")
    release.upgrade(tag=SECOND, wait=False, migrations={"mode": "none"})

    def newest_does_not_start() -> bool:
        newest = [pod for pod in release.pods() if tag_of(pod) == SECOND]
        containers = [status for pod in newest for status in pod["status"].get("containerStatuses", [])]
        return any("running" in status["state"] and not status["started"] for status in containers)

    until(newest_does_not_start, "a new pod that runs and does not start")
    assert {tag_of(pod) for pod in release.ready()} == {THIRD}
    release.sql("UPDATE alembic_version SET version_num = '0004'")
    wait_until_settled(release)
    assert {tag_of(pod) for pod in release.pods()} == {SECOND}

"""Migrations that fail, that take long, and that meet each other."""

import json
import time

from cluster.conftest import SECOND, THIRD
from support.kubernetes import Object, Release, condition, tag_of, wait_until_settled
from support.process import until

REHEARSAL = "CREATE TABLE rehearsal AS SELECT {fails} AS fails, {seconds} AS seconds"


def jobs_of(release: Release, tag: str) -> list[Object]:
    return [job for job in release.jobs() if tag_of(job) == tag]


def test_a_migration_that_fails_leaves_the_old_pods_serving_and_says_how_to_go_on(release: Release) -> None:
    before = {pod["metadata"]["uid"] for pod in release.ready()}
    release.sql(REHEARSAL.format(fails="true", seconds=0))
    migrations = {"backoffLimit": 0}
    failed = release.upgrade(tag=THIRD, migrations=migrations, check=False)
    assert failed.returncode
    assert "migrate" in failed.stderr
    assert before <= {pod["metadata"]["uid"] for pod in release.ready()}
    notes = release.helm("get", "notes", release.name).stdout
    assert "migrations.retryToken" in notes
    logs = release.kubectl("logs", "--selector", "app.kubernetes.io/component=migration", "--tail=-1")
    assert "rehearsed failure" in logs

    release.sql("DROP TABLE rehearsal")
    release.upgrade(tag=THIRD, migrations=migrations | {"retryToken": "1"})
    assert release.sql("SELECT version_num FROM alembic_version") == "0004"
    assert not before & {pod["metadata"]["uid"] for pod in release.ready()}


def test_a_migration_of_two_minutes_is_waited_for_and_nothing_is_killed(release: Release) -> None:
    release.sql("DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('0003')")
    release.sql(REHEARSAL.format(fails="false", seconds=120))
    began = time.monotonic()
    release.upgrade(tag=THIRD, migrations={"retryToken": "slow"})
    assert time.monotonic() - began > 120, "the migration did not take its time, so nothing was proven"
    assert [job["status"].get("succeeded") for job in jobs_of(release, THIRD)] == [1]
    assert release.restarts() == 0
    release.sql("DROP TABLE rehearsal")


def test_of_three_migrators_at_once_one_migrates(release: Release) -> None:
    release.sql("DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('0003')")
    release.sql(REHEARSAL.format(fails="false", seconds=5))
    (job,) = jobs_of(release, THIRD)
    template = job["spec"]["template"]
    for label in list(template["metadata"]["labels"]):
        if "batch.kubernetes.io" in label or label in ("controller-uid", "job-name"):
            del template["metadata"]["labels"][label]
    together = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "together"},
        "spec": {"parallelism": 3, "completions": 3, "backoffLimit": 0, "template": template},
    }
    release.kubectl("apply", "-f", "-", stdin=json.dumps(together))
    until(lambda: condition(release.get("job", "together"), "Complete"), "three migrators", 120)
    logs = release.kubectl("logs", "--selector", "batch.kubernetes.io/job-name=together", "--tail=-1")
    assert logs.count("Running upgrade 0003 -> 0004") == 1
    release.sql("DROP TABLE rehearsal")


def test_pods_wait_for_a_schema_that_is_behind(release: Release) -> None:
    """The twin of the gate: with no Job at all, new pods never get as far as to serve, and the old ones do."""
    release.sql("DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('0002')")
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

"""The eighth and the eleventh of the twelve beside plain FastAPI, as measured; other files go into each."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from support.outcomes import ask, at_once, new_item
from support.process import Server, Service
from support.resilience import Measured
from support.servers import Running, free_port, sql

CLIENTS = 50
Servers = list[Server]


@pytest.fixture
def both(on_postgresql: Service, served_both: Callable[[Service], Servers]) -> Servers:
    return served_both(on_postgresql)


@pytest.fixture
def query(on_postgresql: Service, breakable_postgresql: Running) -> Callable[[str], str]:
    """Run a statement in the database of both."""
    database = on_postgresql.variable("DATABASE_URL").rpartition("/")[2]
    return lambda statement: sql(breakable_postgresql, statement, database)


def change(item: str, description: str, etag: str | None) -> httpx2.Response:
    headers = {"If-Match": etag} if etag else {}
    return httpx2.patch(item, json={"description": description}, headers=headers, timeout=30, verify=False)


def add_one(item: str) -> None:
    """Read a number and write the next, as often as the service says that somebody else was first."""
    while True:
        read = httpx2.get(item, timeout=30, verify=False)
        number = int(read.json()["description"] or 0)
        if change(item, str(number + 1), read.headers.get("etag")).status_code not in (412, 503):
            return


def test_what_many_add_at_once_is_all_there(both: Servers, measured: Measured) -> None:
    sums = []
    for server in both:
        item = new_item(server)
        at_once(*[lambda item=item: add_one(item)] * CLIENTS)
        sums.append(int(httpx2.get(item).json()["description"]))
    ours, plain = (f"{total} of {CLIENTS}" for total in sums)
    measured(8, f"{CLIENTS} clients each read a number and write the next", "none lost", ours=ours, plain=plain)
    assert sums[0] == CLIENTS


def test_a_change_of_what_was_changed_since_is_refused(both: Servers, measured: Measured) -> None:
    answers = []
    for server in both:
        item = new_item(server)
        read = httpx2.get(item)
        assert change(item, "first", read.headers.get("etag")).status_code == 200
        answers.append(change(item, "second", read.headers.get("etag")).status_code)
    measured(8, "a change of what has changed since it was read", "412", ours=str(answers[0]), plain=str(answers[1]))
    assert answers[0] == 412


def test_a_create_that_is_sent_again_creates_once(
    both: Servers, query: Callable[[str], str], measured: Measured
) -> None:
    rows = []
    for server, table in zip(both, ("item", "plainitem"), strict=True):
        name, headers = uuid4().hex, {"Idempotency-Key": uuid4().hex}
        for _ in range(2):
            told = ask(f"{server.url}/v1/items", "POST", json={"name": name}, headers=headers)
            assert told.status == 201, told
        rows.append(int(query(f"SELECT count(*) FROM {table} WHERE name = '{name}'")))
    ours, plain = (f"rows: {count}" for count in rows)
    measured(8, "a POST is sent twice with one Idempotency-Key", "rows: 1", ours=ours, plain=plain)
    assert rows[0] == 1


def test_a_commit_that_fails_is_no_success(both: Servers, query: Callable[[str], str], measured: Measured) -> None:
    query("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$")
    for table in ("item", "plainitem"):
        query(
            f"CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    ours, plain = (ask(f"{server.url}/v1/items", "POST", json={"name": "Tea"}) for server in both)
    measured(8, "a COMMIT that the database refuses", "no 2xx", ours=str(ours.status), plain=str(plain.status))
    assert ours.status == 500


def test_a_secret_is_found_nowhere(
    service: Service, served_both: Callable[[Service], Servers], measured: Measured, tmp_path: Path
) -> None:
    canary = "canary-of-the-password"
    both = served_both(service.given(REDIS_URL=f"redis://user:{canary}@127.0.0.1:{free_port()}/0").faulty())
    found = []
    for server, log in zip(both, ("ours", "plain"), strict=True):
        told = [
            ask(f"{server.url}/v1/items?token={canary}", headers={"Authorization": f"Bearer {canary}"}),
            ask(f"{server.url}/v1/items/{canary}"),
            ask(f"{server.url}/v1/items", "POST", json={"name": [canary], canary: canary}),
            ask(f"{server.url}/test/fail?text={canary}"),
        ]
        answers = sum(canary in outcome.text for outcome in told)
        found.append((answers, (tmp_path / log).read_text().count(canary)))
    ours, plain = (f"{answers} answers, {times} times in the log" for answers, times in found)
    fault = "a secret in query, header, path, body and in an exception's text"
    measured(11, fault, "in no answer and no log", ours=ours, plain=plain)
    assert found[0] == (0, 0)

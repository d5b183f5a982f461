"""A POST with an Idempotency-Key is done once: in sequence, all at once, and where the first died half way."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import cycle
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from support.process import Server, until
from support.truth import Stored, at_once, client, insist

ITEMS = "/v1/items"


def new() -> tuple[dict[str, str], dict[str, Any]]:
    """Return a new item, and a request for it under a new key."""
    item = {"name": uuid4().hex}
    return item, {"json": item, "headers": {"Idempotency-Key": uuid4().hex}}


def told(answer: httpx2.Response) -> tuple[Any, ...]:
    """Return what must be the same in each answer."""
    kept = [answer.headers.get(name) for name in ("location", "etag", "content-type", "content-length")]
    return (answer.status_code, answer.content, *kept)


def repeats(stored: Stored, calls: httpx2.Client, path: str, times: int) -> list[str]:
    """Send one POST so many times at once, and twice after that; return what is wrong."""
    item, request = new()
    answers = at_once(times, lambda _: insist(lambda: calls.post(path, **request)))
    answers += [insist(lambda: calls.post(path, **request)) for _ in range(2)]
    found = [answer.text for answer in answers if answer.status_code != 201]
    if len({told(answer) for answer in answers}) != 1:
        found.append(f"different answers: {set(map(told, answers))}")
    if (rows := stored.store.count("item", f"name = '{item['name']}'")) != 1:
        found.append(f"{rows} rows")
    return found


@pytest.mark.parametrize("times", [1, 2, 20])
def test_a_repeated_post_is_one_row_and_one_answer(stored: Stored, times: int) -> None:
    with stored.served() as server, client(server) as calls:
        for _ in range(3):
            assert repeats(stored, calls, ITEMS, times) == []


def test_the_twin_a_key_that_is_not_claimed_is_found(stored: Stored) -> None:
    with stored.served() as server, client(server) as calls:
        assert repeats(stored, calls, "/test/planted/unclaimed", 1) == []
        # Where they come one after another all the same, nothing is seen.
        assert any(repeats(stored, calls, "/test/planted/unclaimed", 20) for _ in range(20))


def test_two_replicas_answer_as_one(in_postgresql: Stored) -> None:
    with (
        in_postgresql.served() as one,
        in_postgresql.served() as other,
        client(one) as first,
        client(other) as second,
    ):
        for _ in range(5):
            item, request = new()
            replicas = cycle((first, second))
            sends = [partial(insist, partial(next(replicas).post, ITEMS, **request)) for _ in range(20)]
            answers = at_once(20, lambda number, sends=sends: sends[number]())  # type: ignore[misc]
            assert {answer.status_code for answer in answers} == {201}
            assert len(set(map(told, answers))) == 1
            assert in_postgresql.store.count("item", f"name = '{item['name']}'") == 1


def test_a_key_belongs_to_one_body_and_one_route(stored: Stored) -> None:
    with stored.served() as server, client(server) as calls:
        _, request = new()
        first = calls.post(ITEMS, **request)
        assert first.status_code == 201
        other = {**request, "json": {"name": uuid4().hex}}
        assert calls.post(ITEMS, **other).status_code == 422
        # On another route it is another key, with an answer of its own.
        elsewhere = calls.post("/test/held/items/nowhere", **other)
        assert elsewhere.status_code == 201
        assert told(calls.post("/test/held/items/nowhere", **other)) == told(elsewhere)
        assert told(calls.post(ITEMS, **request)) == told(first)
        assert stored.store.count("item") == 2


def test_an_expired_key_is_a_new_one_also_for_twenty_at_once(stored: Stored) -> None:
    with stored.served() as server, client(server) as calls:
        _, request = new()
        first = calls.post(ITEMS, **request)
        stored.store("UPDATE idempotency_key SET expires_at = '2020-01-01 00:00:00'")
        other = {**request, "json": {"name": uuid4().hex}}
        answers = at_once(20, lambda _: insist(lambda: calls.post(ITEMS, **other)))
        assert {answer.status_code for answer in answers} == {201}
        assert len(set(map(told, answers))) == 1
        assert told(answers[0]) != told(first)
        assert stored.store.count("item") == 2
        assert stored.store.count("idempotency_key") == 1


@contextlib.contextmanager
def held(server: Server, place: str, request: dict[str, Any]) -> Iterator[Future[httpx2.Response]]:
    """Send a request, and enter the block when it waits at the place; it goes on with the end of the block."""
    with client(server) as calls, ThreadPoolExecutor(1) as thread:
        answer = thread.submit(calls.post, f"/test/held/items/{place}", **request)
        until(lambda: place in calls.get("/test/held").json(), f"a request at {place}")
        try:
            yield answer
        finally:
            with contextlib.suppress(httpx2.TransportError):
                calls.post("/test/let-go")


PLACES = ["begun", "claimed", "created", "committed"]


@pytest.mark.parametrize("place", PLACES)
def test_where_the_first_was_killed_half_way_the_second_is_the_only_one(stored: Stored, place: str) -> None:
    item, request = new()
    path = f"/test/held/items/{place}"
    with stored.served() as server, held(server, place, request) as first:
        server.crash()
        assert isinstance(first.exception(), httpx2.TransportError)
    assert stored.store.count("item") == (place == "committed")
    # Its successor holds nobody at that place.
    with stored.given(HOLD="").served() as server, client(server) as calls:
        answers = [insist(lambda: calls.post(path, **request)) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {201}
        assert len(set(map(told, answers))) == 1
        assert stored.store("SELECT name FROM item") == [(item["name"],)]
        assert calls.get(answers[0].headers["location"]).json() == answers[0].json()


def test_where_the_first_hung_at_a_lock_and_was_killed_the_second_is_the_only_one(
    in_postgresql: Stored,
) -> None:
    """Its session in the database outlives it, and its claim with it, until the wait for the lock ends."""
    item, request = new()
    command = ["psql", "--no-psqlrc", "-qAtX", in_postgresql.store.url]
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as lock:
        assert lock.stdin
        lock.stdin.write("BEGIN; LOCK TABLE item IN SHARE MODE;\n")
        lock.stdin.flush()
        until(
            lambda: in_postgresql.store("SELECT 1 FROM pg_locks WHERE mode = 'ShareLock' AND granted"),
            "the lock",
        )
        given = in_postgresql.given(APP_DATABASE__LOCK_TIMEOUT="4")
        with given.served() as server, client(server) as calls, ThreadPoolExecutor(1) as thread:
            first = thread.submit(calls.post, ITEMS, **request)
            until(lambda: in_postgresql.store(waits), "the request at the lock")
            server.crash()
            assert isinstance(first.exception(), httpx2.TransportError)
        with in_postgresql.served() as server, client(server) as calls:
            second = calls.post(ITEMS, **request)
            assert second.status_code == 503
            lock.stdin.close()
            answers = [insist(lambda: calls.post(ITEMS, **request)) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len(set(map(told, answers))) == 1
    assert in_postgresql.store("SELECT name FROM item") == [(item["name"],)]


@pytest.mark.parametrize("place", PLACES)
def test_where_the_first_ones_caller_has_gone_there_is_one_row(stored: Stored, place: str) -> None:
    item, request = new()
    with stored.served() as server, client(server) as calls:
        body = httpx2.Request("POST", server.url, json=item).content
        key = request["headers"]["Idempotency-Key"]
        with socket.create_connection(("127.0.0.1", server.port)) as caller:
            head = f"POST /test/held/items/{place} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
            caller.sendall(f"{head}Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            until(lambda: place in calls.get("/test/held").json(), f"a request at {place}")
        calls.post("/test/let-go")
        answers = [insist(lambda: calls.post(f"/test/held/items/{place}", **request)) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {201}
        assert len(set(map(told, answers))) == 1
        assert stored.store("SELECT name FROM item") == [(item["name"],)]


def test_while_the_first_is_under_way_the_second_is_told_to_come_back(stored: Stored) -> None:
    _, request = new()
    path = "/test/held/items/created"
    ladder = {"STATEMENT_TIMEOUT": "2", "POOL_TIMEOUT": "1", "CONNECT_TIMEOUT": "0.9", "LOCK_TIMEOUT": "0.5"}
    given = stored.given(**{f"APP_DATABASE__{name}": seconds for name, seconds in ladder.items()})
    with given.served() as server, client(server) as calls:
        with held(server, "created", request) as first:
            second = calls.post(path, **request)
            assert (second.status_code, second.headers.get("retry-after")) == (503, "1"), second.text
        assert first.result().status_code == 201
        assert told(insist(lambda: calls.post(path, **request))) == told(first.result())
        assert stored.store.count("item") == 1

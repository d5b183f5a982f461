"""What was answered with 2xx is committed; where the commit fails, or its connection does, the answer is no 2xx."""

from uuid import uuid4

import httpx2
import pytest

from support.servers import Running
from support.truth import Stored, at_once, client, insist, new_item

FAILING = {"deferred": "a constraint that is checked at the commit", "cut": "a connection that is lost at the commit"}


def answer(stored: Stored, path: str) -> httpx2.Response:
    """Send a write whose commit fails, and see that nothing of it is stored and that the service goes on."""
    with stored.served() as server, client(server) as calls:
        told = calls.post(f"{path}/{uuid4().hex}")
        assert (stored.store.count("counter"), stored.store.count("entry")) == (0, 0)
        new_item(calls)
        assert server.metric("db_client_connection_count", state="used") == 0
    return told


@pytest.mark.parametrize(("failing", "status"), [("deferred", 500), ("cut", 503)])
def test_a_commit_that_fails_is_no_success(in_postgresql: Stored, failing: str, status: int) -> None:
    told = answer(in_postgresql, f"/test/{failing}")
    assert told.status_code == status, told.text
    assert told.headers["content-type"] == "application/problem+json"
    assert (told.headers.get("retry-after") == "1") is (status == 503)


@pytest.mark.parametrize("failing", FAILING)
def test_the_twin_an_answer_before_the_commit_is_a_success(in_postgresql: Stored, failing: str) -> None:
    assert answer(in_postgresql, f"/test/planted/{failing}").status_code == 200


def missing(stored: Stored, path: str, times: int, *, replicas: int = 1) -> int:
    """Create items, and get each at once where it was not created; return how many were not found."""
    with stored.served() as one, client(one) as first:
        if replicas == 1:
            return sum(at_once(4, lambda _: _missing(first, first, path, times)))
        with stored.served() as other, client(other) as second:
            return sum(at_once(4, lambda _: _missing(first, second, path, times)))


def _missing(first: httpx2.Client, second: httpx2.Client, path: str, times: int) -> int:
    statuses = []
    for _ in range(times):
        place = new_item(first, path).headers["location"]
        statuses.append(insist(lambda place=place: second.get(place)).status_code)  # type: ignore[misc]
    assert set(statuses) <= {200, 404}
    return statuses.count(404)


def test_what_was_created_is_there(stored: Stored) -> None:
    assert missing(stored, "/v1/items", 50) == 0


def test_and_is_there_on_another_replica(in_postgresql: Stored, redis: Running) -> None:
    given = in_postgresql.given(REDIS_URL=redis.url, APP_REDIS__KEY_PREFIX=uuid4().hex)
    assert missing(given, "/v1/items", 50, replicas=2) == 0


def test_the_twin_what_is_committed_after_the_answer_is_not_there(stored: Stored) -> None:
    assert missing(stored, "/test/planted/items", 3) > 0

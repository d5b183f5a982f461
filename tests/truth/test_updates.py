"""No update is lost, no stale ETag wins, and nobody is shown less than they know, through a cache and two replicas."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import httpx2
import pytest

from support.process import until
from support.servers import Running
from support.truth import Stored, at_once, client, insist, new_item


@pytest.fixture
def with_redis(in_postgresql: Stored, redis: Running) -> Stored:
    return in_postgresql.given(REDIS_URL=redis.url, APP_REDIS__KEY_PREFIX=uuid4().hex)


def increments(stored: Stored, path: str, times: int) -> tuple[int, list[int]]:
    """Increment a counter so many times at once; return what it is then, and what the callers were told, in order."""
    stored.count_to("clicks")
    with stored.served() as server, client(server) as calls:
        answers = at_once(times, lambda _: insist(lambda: calls.post(f"{path}/clicks")))
    assert {answer.status_code for answer in answers} == {200}
    return stored.value("clicks"), sorted(answer.json() for answer in answers)


def test_fifty_increments_at_once_are_fifty(in_postgresql: Stored) -> None:
    assert increments(in_postgresql, "/test/counter", 50) == (50, list(range(1, 51)))


def test_two_hundred_increments_at_once_are_two_hundred_on_sqlite(in_sqlite: Stored) -> None:
    assert increments(in_sqlite, "/test/counter", 200) == (200, list(range(1, 201)))


def test_the_twin_increments_without_the_version_are_lost(stored: Stored) -> None:
    value, told = increments(stored, "/test/planted/counter", 50)
    assert value < 50
    assert len(set(told)) < 50


def changes(stored: Stored, path: str, times: int) -> tuple[str, int]:
    """Increment a number in an item's description by so many callers, who begin anew on 412; return it and its version.

    Each repeats a 503, of which the change was not made.
    """
    with stored.served() as server, client(server) as calls:
        place = new_item(calls, description="0").headers["location"]
        item_id = place.rpartition("/")[2]

        def increment(_: int) -> None:
            status = 412
            while status == 412:
                got = insist(lambda: calls.get(place))
                change = {"description": str(int(got.json()["description"]) + 1)}
                match = {"If-Match": got.headers["etag"]}
                send = partial(calls.patch, f"{path}/{item_id}", json=change, headers=match)
                status = insist(send).status_code
            assert status == 200

        at_once(times, increment)
        last = calls.get(place).json()
        return last["description"], last["version"]


def test_fifty_callers_who_change_what_they_read_lose_nothing(stored: Stored) -> None:
    assert changes(stored, "/v1/items", 50) == ("50", 51)


def test_and_through_a_cache_neither(with_redis: Stored) -> None:
    assert changes(with_redis, "/v1/items", 50) == ("50", 51)


def test_the_twin_a_change_of_whatever_is_there_is_lost(stored: Stored) -> None:
    assert changes(stored, "/test/planted/items", 20) != ("20", 21)


def winners(stored: Stored, path: str) -> list[list[int]]:
    """Let twenty change the same version of an item, some times over; return their statuses."""
    with stored.served() as server, client(server) as calls:
        created = new_item(calls)
        place, tag = created.headers["location"], created.headers["etag"]
        statuses = []
        for _ in range(3):
            match = {"If-Match": tag}

            def change(_: int, match: dict[str, str] = match) -> httpx2.Response:
                url, body = f"{path}/{place.rpartition('/')[2]}", {"description": uuid4().hex}
                return insist(lambda: calls.patch(url, json=body, headers=match))

            answers = at_once(20, change)
            statuses.append(sorted(answer.status_code for answer in answers))
            got = calls.get(place)
            # What is there is what the winner was told.
            if statuses[-1].count(200) == 1:
                (won,) = [answer for answer in answers if answer.status_code == 200]
                assert (got.json(), got.headers["etag"]) == (won.json(), won.headers["etag"])
            # And neither the version of before, nor a weak tag of this one, nor what is no tag, changes it.
            for stale in (tag, f"W/{got.headers['etag']}", '"0"', without_quotes := got.headers["etag"].strip('"')):
                status = 422 if stale == without_quotes else 412
                refused = calls.patch(place, json={"description": "stale"}, headers={"If-Match": stale})
                assert refused.status_code == status
                assert calls.delete(place, headers={"If-Match": stale}).status_code == status
            tag = got.headers["etag"]
        return statuses


ONE_WINS = [[200] + [412] * 19] * 3


def test_of_twenty_with_one_etag_one_wins(stored: Stored) -> None:
    assert winners(stored, "/v1/items") == ONE_WINS


def test_the_twin_of_that_has_more_winners(stored: Stored) -> None:
    assert winners(stored, "/test/planted/items") != ONE_WINS


def steps_back(stored: Stored, changes_of_each: int, *, changed_at: int = 2, readers: int = 6) -> list[str]:
    """Change items through one replica and the other, while many read; return what anybody read that was older than
    what the same caller had been told before: by a GET, by a list, by the answer to a change."""
    with stored.served() as one, stored.served() as other, client(one) as first, client(other) as second:
        replicas = (first, second)
        places = [new_item(first).headers["location"] for _ in range(2)]
        stop, found = threading.Event(), []

        def know(known: dict[str, int], who: str, item: dict[str, object]) -> None:
            name, version = str(item["id"]), int(str(item["version"]))
            if version < known.get(name, 0):
                found.append(f"{who}: {version} after {known[name]}")
            known[name] = max(version, known.get(name, 0))

        def read(number: int) -> None:
            known: dict[str, int] = {}
            step = number
            while not stop.is_set():
                step += 1
                calls = replicas[step % 2]
                if step % 5 == 0:
                    for item in calls.get("/v1/items").json()["items"]:
                        know(known, "list", item)
                else:
                    know(known, "get", calls.get(places[step % len(places)]).json())

        def write(number: int) -> None:
            known: dict[str, int] = {}
            for step in range(changes_of_each):
                place = places[number]
                changed = replicas[step % changed_at].patch(
                    place, json={"description": f"{step}"}, headers={"If-Match": "*"}
                )
                assert changed.status_code == 200, changed.text
                know(known, "change", changed.json())
                for calls in replicas:
                    know(known, "own", calls.get(place).json())

        with ThreadPoolExecutor(readers + len(places)) as threads:
            reading = [threads.submit(read, number) for number in range(readers)]
            try:
                for writing in [threads.submit(write, number) for number in range(len(places))]:
                    writing.result()
            finally:
                stop.set()
            for reader in reading:
                reader.result()
    return found


def test_nobody_reads_less_than_they_know_on_two_replicas_with_one_cache(with_redis: Stored) -> None:
    assert steps_back(with_redis, 60) == []


def test_the_twin_a_cache_in_each_replicas_memory_steps_back(in_postgresql: Stored) -> None:
    """Which is why more than one replica wants Redis: each sees the other's changes only when its own entry ends."""
    assert steps_back(in_postgresql, 10, changed_at=1)


def versions_around_a_commit(stored: Stored, path: str) -> list[int]:
    """Change an item that is cached, and stop the request when it is committed; return what others read meanwhile: the
    list, and then the item from each replica."""
    with stored.served() as one, stored.served() as other, client(one) as first, client(other) as second:
        place = new_item(first).headers["location"]
        assert all(calls.get(place).json()["version"] == 1 for calls in (first, second, first, second))
        with ThreadPoolExecutor(1) as thread:
            url = f"{path}/{place.rpartition('/')[2]}"
            changing = thread.submit(first.patch, url, json={"description": "changed"})
            try:
                until(lambda: "changed" in first.get("/test/held").json(), "the commit")
                listed = second.get("/v1/items").json()["items"][0]["version"]
                read = [calls.get(place).json()["version"] for calls in (first, second)]
            finally:
                first.post("/test/let-go")
            assert changing.result().status_code == 200
        return [listed, *read]


def test_nobody_who_knows_a_change_is_given_the_old_from_the_cache(with_redis: Stored) -> None:
    assert versions_around_a_commit(with_redis, "/test/held/items") == [2, 2, 2]


def test_the_twin_a_cache_that_hears_of_it_later_gives_the_old(with_redis: Stored) -> None:
    assert versions_around_a_commit(with_redis, "/test/planted/held/items") == [2, 1, 1]

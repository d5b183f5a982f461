"""A walk through the pages while others insert and delete: whatever was there all the time is seen once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from support.process import until
from support.truth import Stored, client, insist, new_item, pages

ITEMS = "/v1/items"


PER_PAGE = 3
"""Items that are inserted, and deleted, while a page is asked for: fewer than are on it, so that the walk ends."""


def walk(stored: Stored, path: str, *, same_time: bool = False) -> list[str]:
    """Walk through 60 items while others insert and delete; return what is wrong with what was seen.

    `same_time`: the items, and those that come, are all of one moment, and only their ids tell them apart.
    """
    with stored.served() as server, client(server) as calls:
        stay = {new_item(calls).json()["id"] for _ in range(40)}
        go = [new_item(calls) for _ in range(30)]
        if same_time:
            stored.store("UPDATE item SET created_at = (SELECT max(created_at) FROM item)")

        def insert(_: int) -> None:
            new_item(calls)
            if same_time:
                stored.store("UPDATE item SET created_at = (SELECT min(created_at) FROM item)")

        def delete(_: int) -> None:
            item = go.pop()
            match = {"If-Match": item.headers["etag"]}
            gone = insist(lambda: calls.delete(item.headers["location"], headers=match))
            assert gone.status_code == 204, gone.text

        seen: list[str] = []
        walking = pages(calls, path)
        with ThreadPoolExecutor(3) as threads:
            reading = threads.submit(next, walking, None)
            while (page := reading.result()) is not None:
                seen += [item["id"] for item in page]
                reading = threads.submit(next, walking, None)
                writing = [threads.submit(insert, number) for number in range(PER_PAGE)]
                writing += [threads.submit(delete, number) for number in range(min(PER_PAGE, len(go)))]
                for writer in writing:
                    writer.result()
        times = Counter(seen)
        repeated = [f"{identifier} {number} times" for identifier, number in times.items() if number > 1]
        return repeated + [f"{identifier} skipped" for identifier in stay - times.keys()]


@pytest.mark.parametrize("same_time", [False, True], ids=["", "same time"])
def test_pages_neither_skip_nor_repeat_while_others_write(stored: Stored, same_time: bool) -> None:
    assert walk(stored, ITEMS, same_time=same_time) == []


def test_the_twin_pages_by_offset_do(stored: Stored) -> None:
    # Where inserts and deletes happen to even out, nothing is seen.
    assert any(walk(stored, "/test/planted/items") for _ in range(20))


def test_what_is_committed_later_than_it_was_created_moves_nothing(stored: Stored) -> None:
    """Its time is that of its creation: it may come to stand behind the cursor, and others keep their places."""
    with stored.served() as server, client(server) as calls:
        before = [new_item(calls).json()["id"] for _ in range(10)]
        with ThreadPoolExecutor(1) as thread:
            request = {"json": {"name": "late"}}
            held = thread.submit(httpx2.post, f"{server.url}/test/held/items/created", timeout=30, **request)  # type: ignore[arg-type]
            until(lambda: "created" in calls.get("/test/held").json(), "an item that is not committed")
            if not stored.store.is_sqlite:
                # SQLite has one writer at a time, so that nothing is created while another is not yet committed.
                before += [new_item(calls).json()["id"] for _ in range(10)]
            walking = pages(calls, limit=7)
            seen = [item["id"] for item in next(walking)]
            calls.post("/test/let-go")
            late = held.result().json()["id"]
            seen += [item["id"] for page in walking for item in page]
        assert [identifier for identifier in seen if identifier != late] == before[::-1]
        assert seen.count(late) <= 1

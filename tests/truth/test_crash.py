"""A crash under load: what was acknowledged is there, and nothing is there by half.

PostgreSQL runs without fsync here, and SQLite syncs only at its checkpoints: what a crashed process has written is kept
by the operating system. A power failure is another matter, and is not tested.
"""

import contextlib
import threading
from collections.abc import Iterator
from uuid import uuid4

import httpx2

from support.process import Server, until
from support.servers import Running
from support.truth import PATIENCE, Stored

WRITERS = 8
MANY = 20
"""Crashes, of which one hits a mistake in its short moment; no more are made then."""
ITEMS, TRANSFER = "/v1/items", "/test/transfer"
ACCOUNTS = ("a", "b", "c")
BALANCE = 1_000_000


class Writers:
    """Clients that write one after another, and remember what they were told, until the end of the block.

    Each changes its own item, and moves something between accounts that all share. A request whose answer did not come
    whole has an outcome that nobody knows: both are right, but not something else.
    """

    def __init__(self, create: str, transfer: str) -> None:
        self._create, self._transfer = create, transfer
        self.acknowledged = 0
        self.unknown = 0
        self.told: dict[str, dict[str, object]] = {}
        """The last state of each item of which somebody was told."""
        self.perhaps: dict[str, dict[str, object]] = {}
        """And what was asked for since."""
        self.wrong: list[str] = []

    @contextlib.contextmanager
    def at(self, server: Server, more: int) -> Iterator[None]:
        """Write to the server during the block, which is entered after `more` acknowledgements."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._write, args=[server.url, number, stop]) for number in range(WRITERS)]
        enough = self.acknowledged + more
        for thread in threads:
            thread.start()
        try:
            until(lambda: self.wrong or self.acknowledged >= enough, f"{more} acknowledged writes", 60)
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _write(self, url: str, number: int, stop: threading.Event) -> None:
        with httpx2.Client(base_url=url, timeout=PATIENCE) as calls:
            step = 0
            item: httpx2.Response | None = None
            while not stop.is_set():
                step += 1
                if step % 4 == 0:
                    one, other = ACCOUNTS[number % 3], ACCOUNTS[(number + step) % 3]
                    if one != other:
                        self._send(calls, "POST", f"{self._transfer}/{one}/{other}")
                elif item is None or step % 8 == 1:
                    body = {"name": uuid4().hex, "description": "new"}
                    self.perhaps[body["name"]] = dict(body)
                    key = {"Idempotency-Key": body["name"]}
                    item = self._send(calls, "POST", self._create, json=body, headers=key)
                    self._learn(item)
                else:
                    known = item.json()
                    changed = {"name": known["name"], "description": uuid4().hex}
                    self.perhaps[known["name"]] = changed
                    path, match = f"/v1/items/{known['id']}", {"If-Match": f'"{known["version"]}"'}
                    item = self._send(calls, "PATCH", path, json=changed, headers=match)
                    self._learn(item)

    def _send(self, calls: httpx2.Client, method: str, path: str, **request: object) -> httpx2.Response | None:
        try:
            answer = calls.request(method, path, **request)  # type: ignore[arg-type]
        except httpx2.TransportError:
            self.unknown += 1
            return None
        if answer.status_code in (200, 201):
            self.acknowledged += 1
            return answer
        if answer.status_code != 503:
            self.wrong.append(f"{method} {path}: {answer.status_code} {answer.text}")
        self.unknown += 1
        return None

    def _learn(self, answer: httpx2.Response | None) -> None:
        if answer is not None:
            self.told[answer.json()["name"]] = answer.json()
            self.perhaps.pop(answer.json()["name"], None)


def lies(stored: Stored, writers: Writers) -> list[str]:
    """Return what the database holds against what the writers were told."""
    found = {
        name: {"name": name, "description": description, "version": int(version)}
        for name, description, version in stored.store("SELECT name, description, version FROM item")
    }
    lost = []
    for name, told in writers.told.items():
        known = {key: told[key] for key in ("name", "description", "version")}
        asked = {**known, **writers.perhaps.get(name, {}), "version": int(str(told["version"])) + 1}
        if found.get(name) not in (known, asked):
            lost.append(f"told {known}, or perhaps {asked}; found {found.get(name)}")
    strangers = found.keys() - writers.told.keys() - writers.perhaps.keys()
    halves = [f"nobody sent {name}" for name in strangers]
    # An item and the answer under its key are one transaction.
    keys = {key for (key,) in stored.store("SELECT key FROM idempotency_key WHERE status = 201")}
    if keys:
        halves += [f"an item or its key alone: {name}" for name in keys ^ found.keys()]
    if others := stored.store("SELECT key FROM idempotency_key WHERE status <> 201"):
        halves.append(f"a key without an answer: {others}")
    if (total := sum(map(stored.value, ACCOUNTS))) != BALANCE * len(ACCOUNTS):
        halves.append(f"the accounts' sum is {total - BALANCE * len(ACCOUNTS):+}")
    return [*writers.wrong, *lost, *halves]


def after_crashes(stored: Stored, crashes: int, create: str = ITEMS, transfer: str = TRANSFER) -> list[str]:
    """Kill the server's process under load again and again; return what is wrong with the data."""
    stored.count_to(*ACCOUNTS, value=BALANCE)
    writers = Writers(create, transfer)
    for _ in range(crashes):
        with stored.served() as server:
            with writers.at(server, more=40):
                server.crash()
            assert server.process.returncode == -9
        if found := lies(stored, writers):
            return found
    found = []
    with stored.served() as server, httpx2.Client(base_url=server.url, timeout=PATIENCE) as calls:
        for name, told in writers.told.items():
            got = calls.get(f"/v1/items/{told['id']}")
            if got.status_code != 200 or got.json()["version"] < told["version"]:
                found.append(f"told of {name}, and got {got.status_code} {got.text}")
        with writers.at(server, more=20):
            pass
    assert writers.unknown, "no request was under way at any crash"
    return found + lies(stored, writers)


def test_a_crash_under_load_loses_no_acknowledged_write_and_leaves_none_by_half(stored: Stored) -> None:
    assert after_crashes(stored, crashes=4) == []


def test_the_twin_an_answer_before_the_commit_is_found(stored: Stored) -> None:
    found = after_crashes(stored, crashes=MANY, create="/test/planted/items")
    assert any("found None" in lie for lie in found), found


def test_the_twin_a_transfer_in_two_transactions_is_found(stored: Stored) -> None:
    found = after_crashes(stored, crashes=MANY, transfer="/test/planted/transfer")
    assert found
    assert all("sum is" in lie for lie in found), found


def test_a_crash_of_the_database_loses_nothing_and_the_process_goes_on(
    in_postgresql: Stored, breakable_postgresql: Running
) -> None:
    in_postgresql.count_to(*ACCOUNTS, value=BALANCE)
    writers = Writers(ITEMS, TRANSFER)
    with in_postgresql.served() as server:
        for _ in range(3):
            with writers.at(server, more=40):
                breakable_postgresql.crash()
            breakable_postgresql.mend()
            until(lambda: httpx2.get(f"{server.url}/v1/items", timeout=PATIENCE).status_code == 200, "its return")
            assert lies(in_postgresql, writers) == []
        with writers.at(server, more=40):
            pass
        assert server.admin("/livez").status_code == 200
    assert writers.unknown, "no request was under way at any crash"
    assert lies(in_postgresql, writers) == []


def test_the_twin_of_that_is_found(in_postgresql: Stored, breakable_postgresql: Running) -> None:
    in_postgresql.count_to(*ACCOUNTS, value=BALANCE)
    writers = Writers("/test/planted/items", TRANSFER)
    with in_postgresql.served() as server:
        for _ in range(MANY):
            with writers.at(server, more=40):
                breakable_postgresql.crash()
            breakable_postgresql.mend()
            until(lambda: httpx2.get(f"{server.url}/v1/items", timeout=PATIENCE).status_code == 200, "its return")
            if found := lies(in_postgresql, writers):
                break
    assert any("found None" in lie for lie in found), found

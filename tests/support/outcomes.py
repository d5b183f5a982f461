"""What came of a request, and after how long: of one that got no answer, too."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar
from uuid import uuid4

import httpx2

from support.process import Server

GIVEN_UP = 10.0
"""Seconds after which nobody waits any more: longer than a service of the template ever takes."""
T = TypeVar("T")


class Outcome(NamedTuple):
    status: int
    """0 where there was no answer."""
    seconds: float
    text: str = ""

    def __str__(self) -> str:
        if self.status:
            return f"{self.status} in {self.seconds:.2f} s"
        if self.seconds >= GIVEN_UP:
            return f"no answer in {GIVEN_UP:g} s, given up"
        return f"closed without an answer after {self.seconds:.2f} s"


def ask(url: str, method: str = "GET", **request: object) -> Outcome:
    began = time.perf_counter()
    try:
        # Reading the machine's certificates, of which none is needed, would take longer than most answers.
        answer = httpx2.request(method, url, timeout=GIVEN_UP, verify=False, **request)  # type: ignore[arg-type]
    except httpx2.HTTPError as error:
        return Outcome(0, time.perf_counter() - began, repr(error))
    return Outcome(answer.status_code, time.perf_counter() - began, answer.text)


def new_item(server: Server) -> str:
    """Create an item and return its address."""
    created = httpx2.post(f"{server.url}/v1/items", json={"name": uuid4().hex}, timeout=30)
    assert created.status_code == 201, created.text
    return server.url + created.headers["location"]


def at_once(*calls: Callable[[], T]) -> list[T]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return [call.result() for call in [threads.submit(call) for call in calls]]


def slowest(outcomes: list[Outcome]) -> Outcome:
    return max(outcomes, key=lambda outcome: outcome.seconds)


def counted(outcomes: list[Outcome]) -> str:
    """Say how many there were of each status."""
    counts = Counter(outcome.status for outcome in outcomes)
    return ", ".join(f"{count} times {status or 'no answer'}" for status, count in sorted(counts.items()))

"""Requests to a running service, and their answers in a form in which those of two services can be compared."""

import json
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

_VARYING_HEADERS = {"date", "x-request-id", "content-length"}
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.I)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_CURSOR = re.compile(r'(?<="next_cursor":")[^"]+')


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    method: str
    path: str
    trace_id: str
    response: httpx2.Response

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.response.status_code} {self.response.text}"


@dataclass
class Caller:
    """Sends requests, each within a trace of its own, and keeps what came of them."""

    client: httpx2.Client
    exchanges: list[Exchange] = field(default_factory=list)

    def send(self, status: int, method: str, path: str, **request: Any) -> httpx2.Response:
        """Send a request; fail the test unless it is answered with the status."""
        return self.at_once([status], method, path, **request)[0]

    def at_once(self, statuses: list[int], method: str, path: str, **request: Any) -> list[httpx2.Response]:
        """Send a request so many times at once; fail the test unless those are the statuses, whichever comes first."""
        with ThreadPoolExecutor(len(statuses)) as threads:
            calls = [threads.submit(self._exchange, method, path, **request) for _ in statuses]
            exchanges = sorted((call.result() for call in calls), key=lambda exchange: exchange.response.status_code)
        self.exchanges += exchanges
        assert [exchange.response.status_code for exchange in exchanges] == statuses, list(map(str, exchanges))
        return [exchange.response for exchange in exchanges]

    def _exchange(self, method: str, path: str, headers: dict[str, str] | None = None, **request: Any) -> Exchange:
        trace_id = secrets.token_hex(16)
        trace = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
        response = self.client.request(method, path, headers=trace | (headers or {}), **request)
        return Exchange(method, path, trace_id, response)

    def comparable(self) -> list[str]:
        """Return the exchanges as text, with the ids numbered as they appear, and without times and trace ids."""
        numbers: dict[str, str] = {}

        def number(match: re.Match[str]) -> str:
            return numbers.setdefault(match[0].lower(), f"<id {len(numbers) + 1}>")

        def text(exchange: Exchange) -> str:
            headers = exchange.response.headers.multi_items()
            kept = sorted((name, value) for name, value in headers if name not in _VARYING_HEADERS)
            told = f"{exchange}\n{json.dumps(kept)}".replace(exchange.trace_id, "<trace>")
            return _CURSOR.sub("<cursor>", _TIME.sub("<time>", _ID.sub(number, told)))

        return [text(exchange) for exchange in self.exchanges]


@contextmanager
def caller(url: str) -> Iterator[Caller]:
    with httpx2.Client(base_url=url, timeout=30) as client:
        yield Caller(client)

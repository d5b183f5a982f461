"""What a server process holds, sample by sample, and whether it grows: with its work, or for good."""

import math
import re
import socket
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from support.process import Server
from support.truth import Store

_STATES = {
    "01": "ESTABLISHED",
    "02": "SYN_SENT",
    "04": "FIN_WAIT1",
    "05": "FIN_WAIT2",
    "08": "CLOSE_WAIT",
    "0A": "LISTEN",
}
_PER_REQUEST = 512
"""Bytes that a request may leave behind: half of the smallest leak that must be seen."""
_IN_ALL = 8 * 1024 * 1024
"""Bytes by which a process may grow in a whole run once it is warm: in a long one, far less a request than that."""
_FAULTS_OWN = re.compile(
    r"^(log_records_dropped|otel_spans_dropped|requests_refused)|status_code=\"5|result=\"(error|bypass)"
)
"""Series that a fault brings forth by chance; there is a fixed number of them."""


@dataclass(frozen=True)
class Sample:
    at: float
    """Seconds since the beginning."""
    answered: int
    """Requests so far."""
    calm: bool
    """No fault, and none that is being recovered from."""
    rss: int
    pss: int
    uss: int
    """Bytes that are this process's alone."""
    threads: int
    descriptors: int
    sockets: Counter[tuple[str, str]]
    """How many, by whom they lead to and their state."""
    backends: int
    """The service's sessions, as PostgreSQL counts them."""
    pooled: int
    """And as its own pool does."""
    redis_clients: int
    series: frozenset[str]
    in_flight: int

    @property
    def files(self) -> int:
        """Descriptors that are no TCP sockets."""
        return self.descriptors - self.sockets.total()


class Sampler:
    """Looks at a server from outside. `peers` are the names of what it connects to, by URL."""

    def __init__(self, server: Server, database: str, redis: str, peers: dict[str, str]) -> None:
        self._server, self._database, self._redis = server, Store(database), redis
        self._peers = {urlsplit(url).port: name for name, url in peers.items()}

    def sample(self, at: float, answered: int, calm: bool) -> Sample:
        process = Path(f"/proc/{self._server.process.pid}")
        metrics = self._server.admin("/metrics").text
        rollup = dict(re.findall(r"^(\w+): +(\d+) kB", (process / "smaps_rollup").read_text(), re.M))
        kilobytes = {name: int(value) * 1024 for name, value in rollup.items()}
        (threads,) = re.findall(r"^Threads:\s+(\d+)", (process / "status").read_text(), re.M)
        descriptors, sockets = self._descriptors(process)
        values = dict(re.findall(r"^([^#\s]+(?:{.*})?) (\S+)", metrics, re.M))
        pool = [float(value) for name, value in values.items() if name.startswith("db_client_connection_count")]
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return Sample(
            at=at,
            answered=answered,
            calm=calm,
            rss=kilobytes["Rss"],
            pss=kilobytes["Pss"],
            uss=kilobytes["Private_Clean"] + kilobytes["Private_Dirty"],
            threads=int(threads),
            descriptors=descriptors,
            sockets=sockets,
            backends=int(self._database(others)[0][0]),
            pooled=int(sum(pool)),
            redis_clients=self._redis_clients(),
            series=frozenset(values),
            in_flight=int(float(values.get("http_server_active_requests", "0"))),
        )

    def _redis_clients(self) -> int:
        parts = urlsplit(self._redis)
        with socket.create_connection((parts.hostname, parts.port or 6379), timeout=10) as connection:
            connection.sendall(b"CLIENT LIST\r\n")
            file = connection.makefile("rb")
            return file.read(int(file.readline()[1:])).count(b"\n") - 1

    def _descriptors(self, process: Path) -> tuple[int, Counter[tuple[str, str]]]:
        number, inodes = 0, set()
        for descriptor in (process / "fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except FileNotFoundError:
                continue
            number += 1
            if target.startswith("socket:"):
                inodes.add(target[8:-1])
        found: Counter[tuple[str, str]] = Counter()
        for table in ("tcp", "tcp6"):
            for line in (process / "net" / table).read_text().splitlines()[1:]:
                _, local, remote, state, *rest = line.split()
                if rest[5] in inodes:
                    here, there = (int(address.rpartition(":")[2], 16) for address in (local, remote))
                    own = {self._server.port: "clients", self._server.admin_port: "admin"}
                    name = self._peers.get(there) or own.get(here) or f"port {there}"
                    found[name, _STATES.get(state, state)] += 1
        return number, found


class Slope(NamedTuple):
    """Theil and Sen's: the median of the slopes between all pairs, and its 99 % confidence interval (Kendall's)."""

    low: float
    middle: float
    high: float


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """Return the slope of y over x. A few wild points, as faults leave them, do not move it.

    Raises:
        ValueError: there are not enough points to say anything.
    """
    slopes = sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x1 != x2)
    number = len(points)
    width = 2.576 * math.sqrt(number * (number - 1) * (2 * number + 5) / 18)
    low, high = round((len(slopes) - width) / 2), round((len(slopes) + width) / 2)
    if low < 0 or high >= len(slopes):
        raise ValueError(f"{number} samples are too few to tell whether it grows")
    return Slope(slopes[low], statistics.median(slopes), slopes[high])


@dataclass(frozen=True)
class Bounds:
    """What the service may hold at most, by its settings."""

    pool: int
    redis: int
    threads: int
    """Those of the service, and those that its event loop may start to look up names."""


def memory_growth(warm: Sequence[Sample]) -> tuple[Slope, float]:
    """Return bytes a request that the process grew by, and how many it may: more is a leak.

    Of all moments: a fault has memory of its own for its short time, which moves the median of all slopes but little.
    What may be noise, since the interval holds 0, is no leak.
    """
    points = [(float(sample.answered), float(sample.uss)) for sample in warm]
    requests = max(1.0, points[-1][0] - points[0][0])
    return slope(points), min(_PER_REQUEST, _IN_ALL / requests)


def growth(warm: Sequence[Sample], idle: Sample, last: Sample, bounds: Bounds) -> list[str]:
    """Return what has grown: since it was warm, or beyond its bounds, or what is left when nobody asks any more.

    `idle` is from before the first request, `last` from after the last one.
    """
    found = []
    try:
        measured, limit = memory_growth(warm)
    except ValueError as error:
        found.append(f"memory: {error}")
    else:
        if measured.middle > limit and measured.low > 0:
            found.append(f"memory: {measured.middle:.0f} bytes a request, and {limit:.0f} are allowed")
    first = warm[0]
    for name, value, most in (
        ("threads", last.threads, bounds.threads),
        ("files", last.files, idle.files),
        ("PostgreSQL's sessions", last.backends, bounds.pool),
        ("Redis's clients", last.redis_clients, bounds.redis),
        ("requests in flight", last.in_flight, 0),
    ):
        if value > most:
            found.append(f"{name}: {value}, and at most {most} are right")
    if last.backends != last.pooled:
        found.append(f"PostgreSQL's sessions: {last.backends}, and the pool has {last.pooled}")
    right = {
        ("database", "ESTABLISHED"): last.pooled,
        ("redis", "ESTABLISHED"): last.redis_clients,
        ("collector", "ESTABLISHED"): 1,
        ("clients", "LISTEN"): idle.sockets["clients", "LISTEN"],
        ("admin", "LISTEN"): idle.sockets["admin", "LISTEN"],
        ("admin", "ESTABLISHED"): 1,
    }
    for (name, state), number in last.sockets.items():
        if number > right.get((name, state), 0):
            found.append(f"sockets: {number} of {name} are {state}, and {right.get((name, state), 0)} are right")
    new = {series for series in last.series - first.series if not _FAULTS_OWN.search(series)}
    if new:
        found.append(f"series: {len(new)} more, as {min(new)}")
    return found

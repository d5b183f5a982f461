"""`make soak`: at half of its capacity, with faults that come and go, a service grows in nothing once it is warm.

Each minute begins with a measurement of the capacity, since a shared machine is at times half as fast as at others;
then it has each fault once. The first minute warms; what is measured comes after.
"""

import contextlib
import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx2
import pytest

from support.baking import ROOT
from support.collector import Collector, collecting
from support.process import Server, Service, until
from support.sampling import Bounds, Sample, Sampler, growth, memory_growth
from support.servers import Network, Running
from support.soaking import Mix
from support.truth import Stored

POOL, REDIS, AT_ONCE = 10, 20, 256
"""The service's own settings, unchanged."""
LASTS = 2.5
"""Seconds of a fault; then it is mended, and the service recovers, and some seconds are calm."""
OWN_THREADS = 4
"""Of the service beside its event loop's: the admin server, its answers, the log's writer, the watchdog, spans."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


class Reader:
    """Who reads the service's log through a pipe, and sometimes does not."""

    def __init__(self, log: Path) -> None:
        self._reads, self._log = threading.Event(), log
        self._reads.set()
        self._source, self.stdout = os.pipe()
        self._thread = threading.Thread(target=self._copy)
        self._thread.start()

    def _copy(self) -> None:
        with self._log.open("ab", buffering=0) as file:
            while self._reads.wait() and (lines := os.read(self._source, 65536)):
                file.write(lines)

    def stalls(self) -> None:
        self._reads.clear()

    def goes_on(self) -> None:
        self._reads.set()

    def close(self) -> None:
        """To be called when the service has ended, so that nobody else has the pipe."""
        self.goes_on()
        self._thread.join()
        os.close(self._source)


class Fault(NamedTuple):
    name: str
    breaks: Callable[[], object]
    mends: Callable[[], object]


@dataclass
class Soak:
    """A service with everything on, each way to its dependencies, and what was seen of it."""

    service: Service
    database: Network
    redis: Network
    collector: Network
    urls: dict[str, str]
    """Of the database and of Redis themselves."""
    folder: Path
    samples: list[Sample] = field(default_factory=list)
    warm_at: float = 0.0
    windows: list[tuple[float, float, str]] = field(default_factory=list)
    """When faults were, their recovery included."""
    fault: str = ""
    outside: list[str] = field(default_factory=list)
    capacities: list[float] = field(default_factory=list)
    """Requests a second, period by period."""

    def faults(self, reader: Reader) -> list[Fault]:
        database, redis = self.database, self.redis
        return [
            Fault("database silent", database.falls_silent, database.mend),
            Fault("log reader stalled", reader.stalls, reader.goes_on),
            Fault("Redis refused", redis.is_cut, redis.mend),
            Fault("database slow", lambda: database.has("latency", latency=200, jitter=100), database.mend),
            Fault("collector away", self.collector.is_cut, self.collector.mend),
            Fault("database refused", database.is_cut, database.mend),
            Fault("Redis silent", redis.falls_silent, redis.mend),
        ]

    @contextlib.contextmanager
    def served(self, reader: Reader, log: Path) -> Iterator[Server]:
        server = Server(self.service.on_free_ports().start("serve", stdout=reader.stdout), log)
        os.close(reader.stdout)
        try:
            server.wait_until_listening()
            until(lambda: server.admin("/readyz").status_code == 200, f"readiness; see {log}")
            yield server
            server.end()
        finally:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()
            reader.close()

    def run(self, seconds: float, period: float, tell: Callable[[str], None], planted: str | None = None) -> list[str]:
        """Soak for so many seconds, with each fault once a period, of which the first warms; return what is wrong."""
        log = self.folder / "soak.log"
        log.touch()
        reader = Reader(log)
        with self.served(reader, log) as server:
            sampler = Sampler(server, self.urls["database"], self.urls["redis"], self._peers())
            mix = Mix(server.url, planted)
            began = time.monotonic()
            idle = sampler.sample(0, 0, calm=True)
            stop = threading.Event()
            arguments = [server, mix, self.faults(reader), period, seconds, stop]
            scheduling = threading.Thread(target=self._break_and_mend, args=arguments)
            with mix.sending():
                start = time.monotonic()
                self.warm_at = start + period
                scheduling.start()
                try:
                    self._watch(sampler, mix, began, start + seconds, tell)
                finally:
                    stop.set()
                    scheduling.join()
            last = self._settled(sampler, mix, began)
            self._tell_failures(mix, server)
            warm = [sample for sample in self.samples if sample.at >= self.warm_at - began]
            bounds = Bounds(POOL, REDIS, idle.threads + min(32, (os.cpu_count() or 1) + 4) + OWN_THREADS)
            wrong = [*self.outside, *growth(warm, idle, last, bounds)]
            self._report(warm, idle, last, bounds, mix, wrong, tell)
        return wrong

    def _peers(self) -> dict[str, str]:
        return {"database": self.database.url, "redis": self.redis.url, "collector": self.collector.url} | {
            f"{name} itself": url for name, url in self.urls.items()
        }

    def _watch(self, sampler: Sampler, mix: Mix, began: float, until_then: float, tell: Callable[[str], None]) -> None:
        told_at, told_answered, told_failures = time.monotonic(), mix.answered, len(mix.failures)
        while (now := time.monotonic()) < until_then:
            sample = sampler.sample(now - began, mix.answered, calm=not self.fault)
            self.samples.append(sample)
            if now - told_at >= 10:
                rate = (mix.answered - told_answered) / (now - told_at)
                tell(
                    f"{now - began:5.0f} s {rate:5.0f}/s of {self.capacities[-1] if self.capacities else 0:.0f}; "
                    f"{self.fault or 'calm'}; {sample.in_flight} in flight, RSS {sample.rss >> 20} MiB, "
                    f"{sample.threads} threads, {sample.descriptors} descriptors; not as expected, faults included: "
                    f"{mix.kinds(told_failures)}"
                )
                told_at, told_answered, told_failures = now, mix.answered, len(mix.failures)
            time.sleep(max(0.0, now + 1 - time.monotonic()))

    def _break_and_mend(
        self, server: Server, mix: Mix, faults: list[Fault], period: float, seconds: float, stop: threading.Event
    ) -> None:
        began, slot = time.monotonic(), period / (1 + len(faults))
        for number in range(int(seconds / slot)):
            if stop.wait(max(0.0, began + number * slot - time.monotonic())):
                return
            turn = number % (1 + len(faults))
            if turn:
                self._have_fault(server, mix, faults[turn - 1], stop)
            else:
                self.capacities.append(mix.measured_capacity(slot / 2))
                mix.rate = self.capacities[-1] / 2

    def _have_fault(self, server: Server, mix: Mix, fault: Fault, stop: threading.Event) -> None:
        self.fault, fault_began = fault.name, time.monotonic()
        try:
            fault.breaks()
            stop.wait(LASTS)
        finally:
            fault.mends()
        self.fault = f"recovering from {fault.name}"
        try:
            until(lambda: self._is_well(server, mix), f"recovery from {fault.name}")
        except TimeoutError as error:
            self.outside.append(str(error))
        self.windows.append((fault_began, time.monotonic(), fault.name))
        self.fault = ""

    def _is_well(self, server: Server, mix: Mix) -> bool:
        """No crowd waits any more, a write is answered, every dependency is up, and the circuit is closed.

        The service is asked only once the callers see no crowd: asked all the time, it would have no time to recover.
        """
        if mix.in_flight > AT_ONCE / 4:
            return False
        try:
            created = httpx2.post(f"{server.url}/v1/items", json={"name": uuid4().hex}, timeout=5)
        except httpx2.TransportError:
            return False
        return (
            created.status_code == 201
            and server.admin("/readyz").json()["status"] == "ok"
            and server.metric("cache_circuit_open") == 0
        )

    def _settled(self, sampler: Sampler, mix: Mix, began: float) -> Sample:
        """Return a sample of when nobody asks any more, and what was closed has gone."""

        def settled() -> Sample | None:
            sample = sampler.sample(time.monotonic() - began, mix.answered, calm=True)
            gone = sum(
                number for (name, state), number in sample.sockets.items() if state != "LISTEN" and name == "clients"
            )
            return sample if not gone and not sample.in_flight else None

        with contextlib.suppress(TimeoutError):
            until(settled, "an end of all connections", 30)
        return sampler.sample(time.monotonic() - began, mix.answered, calm=True)

    def _tell_failures(self, mix: Mix, server: Server) -> None:
        for failure in mix.failures:
            if not any(failure.began < end and failure.ended > begin for begin, end, _ in self.windows):
                self.outside.append(f"failed while all was well: {failure.kind}")

    def _report(
        self,
        warm: list[Sample],
        idle: Sample,
        last: Sample,
        bounds: Bounds,
        mix: Mix,
        wrong: list[str],
        tell: Callable[[str], None],
    ) -> None:
        try:
            measured, limit = memory_growth(warm)
        except ValueError as error:
            tell(f"No verdict on memory: {error}.")
            return
        uss = [sample.uss for sample in warm]
        third = max(1, len(uss) // 3)
        mib = 1 << 20
        table = [
            ("", "idle", "warm", "end", "allowed"),
            ("RSS, MiB", idle.rss // mib, warm[0].rss // mib, last.rss // mib, ""),
            ("PSS, MiB", idle.pss // mib, warm[0].pss // mib, last.pss // mib, ""),
            ("USS, medians of thirds, MiB", idle.uss // mib, f"{statistics.median(uss[:third]) / mib:.1f}",
             f"{statistics.median(uss[-third:]) / mib:.1f}", ""),
            ("bytes a request, 99 %", "", "", f"{measured.low:.0f} to {measured.high:.0f}", f"{limit:.0f}"),
            ("threads", idle.threads, warm[0].threads, last.threads, bounds.threads),
            ("files", idle.files, warm[0].files, last.files, idle.files),
            ("sockets", idle.sockets.total(), warm[0].sockets.total(), last.sockets.total(), "by peer and state"),
            ("PostgreSQL sessions", idle.backends, warm[0].backends, last.backends, f"{last.pooled} pooled, {POOL}"),
            ("Redis clients", idle.redis_clients, warm[0].redis_clients, last.redis_clients, REDIS),
            ("series", len(idle.series), len(warm[0].series), len(last.series), "none new"),
            ("in flight", idle.in_flight, warm[0].in_flight, last.in_flight, 0),
        ]  # fmt: skip
        for row in table:
            tell("  {:32} {:>8} {:>8} {:>14} {:>20}".format(*row))
        recoveries = [end - begin - LASTS for begin, end, _ in self.windows]
        tell(f"capacity {min(self.capacities):.0f} to {max(self.capacities):.0f} requests/s by 16 callers; sent: half")
        tell(f"{mix.answered} requests, {len(self.windows)} faults, longest recovery {max(recoveries):.1f} s")
        tell(f"not as expected, faults included: {mix.kinds()}")
        tell(
            "GROWS or FAILS:\n  " + "\n  ".join(sorted(set(wrong)))
            if wrong
            else "GOOD: grows in nothing, fails in nothing"
        )
        result = {
            "requests": mix.answered, "capacities": self.capacities, "faults": len(self.windows), "wrong": wrong,
            "bytes_a_request": measured._asdict(), "table": [list(map(str, row)) for row in table],
        }  # fmt: skip
        (ROOT / "build").mkdir(exist_ok=True)
        (ROOT / "build/soak.json").write_text(json.dumps(result, indent=2) + "\n")


@pytest.fixture
def soak(
    in_postgresql: Stored,
    postgresql: Running,
    redis: Running,
    collector: Collector,
    network: Callable[[str], Network],
    tmp_path: Path,
) -> Soak:
    urls = {"database": in_postgresql.store.url, "redis": redis.url}
    database, cache, spans = network(urls["database"]), network(redis.url), network(collector.url)
    service = in_postgresql.service.given(
        DATABASE_URL=database.url,
        REDIS_URL=cache.url,
        APP_REDIS__KEY_PREFIX=uuid4().hex,
        OTEL_EXPORTER_OTLP_ENDPOINT=spans.url,
    )
    return Soak(service, database, cache, spans, urls, tmp_path)


def test_nothing_grows_and_nothing_fails(soak: Soak, minutes: int, capsys: pytest.CaptureFixture[str]) -> None:
    def tell(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    assert soak.run(minutes * 60, 60, tell) == []


@pytest.mark.parametrize(("leak", "found"), [("memory", {"memory"}), ("counts", {"sockets", "series"})])
def test_the_twin_a_leak_is_found(soak: Soak, leak: str, found: set[str]) -> None:
    told: list[str] = []
    wrong = soak.run(120, 60, told.append, planted=f"/test/planted/leak/{leak}")
    assert {line.partition(":")[0] for line in wrong} >= found, "\n".join(told)

"""The twelfth of the twelve: what a service costs beside bare FastAPI (`bare.py`) with the same route, in one run."""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx2

from support.collector import collecting
from support.process import Server, Service, until
from support.servers import free_port

PATH = "/test/outer/7/inner/1"
ROUNDS = 3
SECONDS = 4
CONNECTIONS = 16


class Budget(NamedTuple):
    what: str
    variant: str
    most: float
    """Times what bare FastAPI takes. Of what is better the more it is, it is the reciprocal."""


BUDGETS = [
    Budget("processor per request, 5 % sampled", "5 %", 2.0),
    Budget("processor per request, all sampled", "100 %", 3.6),
    Budget("time per request under full load, 5 % sampled", "5 %", 1 / 0.70),
    Budget("start to first 200", "5 %", 2.2),
    Budget("memory", "5 %", 2.0),
]


@dataclass
class Cost:
    """The least of all rounds, since whatever else the machine does only adds."""

    processor: float = float("inf")
    """Microseconds of a request."""
    elapsed: float = float("inf")
    """Microseconds from one answer to the next under full load."""
    start: float = float("inf")
    """Seconds."""
    memory: float = float("inf")
    """MiB, resident."""

    def note(self, processor: float, elapsed: float, start: float, memory: float) -> None:
        self.processor, self.elapsed = min(self.processor, processor), min(self.elapsed, elapsed)
        self.start, self.memory = min(self.start, start), min(self.memory, memory)

    def of(self, what: str) -> float:
        for beginning, value in {"processor": self.processor, "time": self.elapsed, "start": self.start}.items():
            if what.startswith(beginning):
                return value
        return self.memory


def processor_seconds(server: Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(service: Service, cost: Cost) -> None:
    port = str(free_port())
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        began = time.perf_counter()
        process = service.given(PORT=port).on_free_ports().start("serve", stdout=log)
        server = Server(process, Path(folder) / "log")
        server.port = int(port)
        try:
            until(lambda: answers(server), "the first answer")
            start = time.perf_counter() - began
            load(server, 1)
            before, began = processor_seconds(server), time.perf_counter()
            requests = load(server, SECONDS)
            elapsed, used = time.perf_counter() - began, processor_seconds(server) - before
            memory = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        finally:
            process.kill()
            process.wait()
    cost.note(used / requests * 1e6, elapsed / requests * 1e6, start, memory)


def answers(server: Server) -> bool:
    try:
        return httpx2.get(server.url + PATH, verify=False).status_code == 200
    except httpx2.HTTPError:
        return False


def load(server: Server, seconds: int) -> int:
    """Ask as much as it answers, and return how many times; fail if any answer is not good."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", server.url + PATH]
    told = subprocess.check_output(command, text=True)
    assert "Non-2xx" not in told, told
    (requests,) = re.findall(r"(\d+) requests in", told)
    return int(requests)


def costs(service: Service) -> dict[str, Cost]:
    """Measure bare FastAPI, and the service with a twentieth and with all of its requests traced, by turns."""
    with collecting() as collector:

        def sampled(share: str) -> Service:
            sampler = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": share}
            return service.given(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **sampler).faulty("nested.py")

        variants = {"bare": service.bare(), "5 %": sampled("0.05"), "100 %": sampled("1")}
        found = {name: Cost() for name in variants}
        for _ in range(ROUNDS):
            for name, variant in variants.items():
                measure(variant, found[name])
        return found

"""The third of the twelve: more requests than the service can take. As measured."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from support.outcomes import Outcome
from support.process import Server, Service
from support.resilience import Measured
from support.wire import connected

CLIENTS, LIMIT = 300, 64
SECONDS = 8.0
P99 = 0.25
"""Seconds in which 99 of 100 probes are answered: the kubelet, by default, waits for one."""
GOODPUT = 0.9
"""Of what the service does at most, it does so much under overload as well."""


async def load(server: Server, clients: int, seconds: float) -> Counter[int]:
    """Return how many answers of which status there were. Who is refused comes again when told."""
    answers: Counter[int] = Counter()
    ends = asyncio.get_running_loop().time() + seconds

    async def client() -> None:
        async with connected(server) as connection:
            while asyncio.get_running_loop().time() < ends:
                connection.request("/test/busy")
                answer = await connection.answer()
                answers[answer.status] += 1
                if answer.status == 503:
                    assert answer.headers["content-type"] == "application/problem+json"
                    await asyncio.sleep(int(answer.headers["retry-after"]))

    await asyncio.gather(*(client() for _ in range(clients)))
    return answers


def overloaded(server: Server) -> tuple[Counter[int], list[Outcome]]:
    """Return the answers that callers got, and those that a prober got at the same time."""
    prober = Path(__file__).parents[1] / "support/prober.py"
    command = [sys.executable, str(prober), server.admin_url + "/livez", str(SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as probing:
        answers = asyncio.run(load(server, CLIENTS, SECONDS))
        told, _ = probing.communicate()
    return answers, [Outcome(status, seconds) for status, seconds in json.loads(told)]


def p99(outcomes: list[Outcome]) -> float:
    return sorted(outcome.seconds for outcome in outcomes)[len(outcomes) * 99 // 100]


def test_an_overloaded_service_answers_its_probes_and_sheds_what_is_too_much(
    service: Service, served_both: Callable[[Service], list[Server]], measured: Measured
) -> None:
    servers = served_both(service.given(APP_HTTP__MAX_IN_FLIGHT=str(LIMIT)).faulty())
    results = []
    for server in servers:
        # What it does without being asked for more.
        most = asyncio.run(load(server, LIMIT // 2, SECONDS / 2))[200] / (SECONDS / 2)
        answers, probes = overloaded(server)
        results.append((answers, probes, answers[200] / SECONDS / most))
    ours, plain = (
        f"p99 {p99(probes) * 1000:.0f} ms; goodput {goodput:.0%} of the peak; shed: {answers[503]}"
        for answers, probes, goodput in results
    )
    pass_line = f"/livez p99 below {P99 * 1000:.0f} ms; goodput {GOODPUT:.0%} of the peak; others 503 with Retry-After"
    measured(3, f"{CLIENTS} clients who each want 4 ms of processor at once", pass_line, ours=ours, plain=plain)
    answers, probes, goodput = results[0]
    assert {outcome.status for outcome in probes} == {200}
    assert p99(probes) < P99
    assert set(answers) == {200, 503}
    assert goodput >= GOODPUT
    assert servers[0].metric("requests_refused_total", reason="in_flight") == answers[503]
    assert servers[0].admin("/metrics").status_code == 200

"""More requests than the service can take."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx2

from support.process import Server, Service
from support.wire import connected

CLIENTS, LIMIT = 300, 64


async def overload(server: Server, answers: Counter[int], enough: asyncio.Event) -> None:
    async def client() -> None:
        async with connected(server) as connection:
            while not enough.is_set():
                connection.request("/test/busy")
                answer = await connection.answer()
                answers[answer.status] += 1
                if answer.status == 503:
                    assert answer.headers["retry-after"] == "1"
                    assert answer.headers["content-type"] == "application/problem+json"
                    await asyncio.sleep(0.1)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def probe(server: Server, answers: Counter[int]) -> None:
    """Ask as the kubelet and Prometheus do, until there was enough of both answers."""
    async with httpx2.AsyncClient(base_url=server.admin_url, timeout=10) as admin:
        while min(answers[200], answers[503]) < 300:
            for path in ("/livez", "/readyz", "/metrics"):
                assert (await admin.get(path)).status_code == 200


def test_an_overloaded_service_answers_its_probes_and_sheds_what_is_too_much(service: Service, tmp_path: Path) -> None:
    async def run(server: Server) -> Counter[int]:
        answers: Counter[int] = Counter()
        enough = asyncio.Event()
        load = asyncio.create_task(overload(server, answers, enough))
        await asyncio.wait_for(probe(server, answers), 60)
        enough.set()
        await asyncio.wait_for(load, 60)
        return answers

    with service.given(APP_HTTP__MAX_IN_FLIGHT=str(LIMIT)).faulty().served(tmp_path / "log") as server:
        answers = asyncio.run(run(server))
        assert server.metric("requests_refused_total", reason="in_flight") == answers[503]
    assert set(answers) == {200, 503}

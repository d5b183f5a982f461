# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""How the server ends. Whether a rollout under load loses nothing is proven by the template's own tests."""

import asyncio
import os
import signal
from pathlib import Path

from support.server import running_in, until
from support.wire import connected


async def test_while_draining_each_answer_closes_its_connection(tmp_path: Path) -> None:
    async with running_in(tmp_path, APP_SHUTDOWN__DRAIN="0.4") as running:
        async with connected(running.address) as used, connected(running.address) as unused:
            unused.request("/test/ok")
            assert not (await unused.answer()).closes
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: running.server._state.draining)
            used.request("/test/ok")
            answer = await used.answer()
            assert answer.status == 200
            assert answer.closes
            # Nobody told this one; it ends while there is still somebody to come back to.
            assert await unused.closed() == b""
            async with connected(running.address) as late:
                late.request("/test/ok")
                assert (await late.answer()).closes
        await running.serving


async def test_requests_in_flight_outlive_the_listener(tmp_path: Path) -> None:
    async with running_in(tmp_path, APP_SHUTDOWN__DRAIN="0") as running, connected(running.address) as connection:
        connection.request("/test/slow/0.3")
        await until(lambda: running.server.server_state.tasks)
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: not running.server.servers[0].is_serving())
        assert (await connection.answer()).status == 200
        await running.serving


async def test_a_request_that_outlasts_the_end_is_a_503(tmp_path: Path) -> None:
    variables = {"APP_SHUTDOWN__DRAIN": "0", "APP_SHUTDOWN__REQUESTS": "0.1", "APP_HTTP__REQUEST_TIMEOUT": "60"}
    async with running_in(tmp_path, **variables) as running, connected(running.address) as connection:
        connection.request("/test/slow/60")
        await until(lambda: running.server.server_state.tasks)
        os.kill(os.getpid(), signal.SIGTERM)
        answer = await connection.answer()
        assert answer.status == 503
        assert answer.closes
        running.check_problem(answer)


async def test_a_second_signal_skips_the_drain(tmp_path: Path) -> None:
    async with running_in(tmp_path, APP_SHUTDOWN__DRAIN="3600") as running:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await running.serving

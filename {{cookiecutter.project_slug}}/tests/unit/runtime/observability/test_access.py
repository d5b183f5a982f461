# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What is told of each request."""

import logging
import random
import string

import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from {{ cookiecutter.__package }}.runtime.state import (
    State,
)

from support.server import Running, misbehaving, settings_in
from support.wire import connected

DURATION = "http_server_request_duration_seconds"


def series() -> set[tuple[str, str, str]]:
    return {
        (sample.labels["http_request_method"], sample.labels["http_route"], sample.labels["http_response_status_code"])
        for metric in REGISTRY.collect()
        if metric.name == DURATION
        for sample in metric.samples
        if sample.name.endswith("_count")
    }


async def call(app: FastAPI, method: str, path: str) -> None:
    """Send a request without a server between, as there are thousands."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        """Nobody reads it."""

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    await app(scope | {"headers": [], "scheme": "http", "http_version": "1.1", "root_path": ""}, receive, send)


async def test_ten_thousand_random_paths_and_methods_add_two_series(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = settings_in(tmp_path_factory.mktemp("random"), APP_LOG__ACCESS="off")
    app = misbehaving(settings, State())
    rng = random.Random(1)
    before = series()
    for number in range(10_000):
        path = "/" + "".join(rng.choices(string.ascii_letters + "/%.", k=12))
        await call(app, "GET" if number % 2 else "".join(rng.choices(string.ascii_uppercase, k=5)), path)
    assert series() - before <= {("GET", "unmatched", "404"), ("_OTHER", "unmatched", "404")}
    assert len(series() - before) <= 2


async def test_the_route_is_the_whole_template_of_nested_routers(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with connected(running.address) as connection:
            connection.request("/test/outer/1/inner/2?token=canary")
            assert (await connection.answer()).status == 200
    assert ("GET", "/test/outer/{outer_id}/inner/{number}", "200") in series()
    (record,) = [record for record in caplog.records if record.name == "access"]
    assert record.getMessage() == "GET /test/outer/{outer_id}/inner/{number} 200"
    assert "canary" not in str(vars(record))


@pytest.mark.parametrize(
    ("mode", "logged"),
    [
        ("all", ["GET /test/ok 200", "GET /test/slow/{seconds} 200", "GET unmatched 404"]),
        ("errors", ["GET /test/slow/{seconds} 200", "GET unmatched 404"]),
        ("off", []),
    ],
)
async def test_the_mode_says_which_requests_are_logged(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture, mode: str, logged: list[str]
) -> None:
    settings = settings_in(tmp_path_factory.mktemp("modes"), APP_LOG__ACCESS=mode, APP_LOG__SLOW_REQUEST="0.05")
    app = misbehaving(settings, State())
    with caplog.at_level(logging.INFO):
        for path in ("/test/ok", "/test/slow/0.06", "/no/such/path"):
            await call(app, "GET", path)
    assert [record.getMessage() for record in caplog.records if record.name == "access"] == logged

# The template's: later versions change this file. Yours are listed in pyproject.toml.
import asyncio
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Body, FastAPI
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError
from starlette.types import Message, Receive, Scope, Send

from {{ cookiecutter.__package }}.runtime.database import (
    retry,
)
from {{ cookiecutter.__package }}.runtime.database.engine import (
    Database,
)
from {{ cookiecutter.__package }}.runtime.database.retry import (
    ATTEMPTS,
    RetrySerializationFailures,
)
from {{ cookiecutter.__package }}.runtime.database.session import (
    WriteSession,
)

from support.tables import Counter, counted


async def test_increments_at_once_are_all_counted(client: httpx2.AsyncClient, app: FastAPI, database: Database) -> None:
    @app.post("/increment")
    async def increment(session: WriteSession) -> int:
        counter = (await session.execute(select(Counter))).scalar_one()
        counter.value += 1
        return counter.value

    answers = await asyncio.gather(*(client.post("/increment") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json() for answer in answers) == list(range(1, 51))
    async with database.read_session() as session:
        assert await counted(session) == 50


def without_database(test: Any) -> Any:
    return pytest.mark.usefixtures("routes")(pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)(test))


@pytest.fixture
def attempts() -> list[Any]:
    return []


@pytest.fixture
def routes(app: FastAPI, attempts: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0)

    @app.post("/attempt")
    async def attempt(good: int, body: Annotated[dict[str, int], Body()]) -> int:
        attempts.append(body)
        if len(attempts) < good:
            raise StaleDataError
        return len(attempts)

    @app.post("/other")
    async def other() -> None:
        attempts.append(None)
        raise ValueError


@without_database
async def test_a_request_is_repeated_with_its_body(client: httpx2.AsyncClient, attempts: list[Any]) -> None:
    answer = await client.post("/attempt", params={"good": ATTEMPTS}, json={"a": 1})
    assert answer.json() == ATTEMPTS
    assert attempts == [{"a": 1}] * ATTEMPTS


@without_database
async def test_a_request_that_always_fails_is_a_503_in_the_end(client: httpx2.AsyncClient, attempts: list[Any]) -> None:
    answer = await client.post("/attempt", params={"good": ATTEMPTS + 1}, json={"a": 1})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert len(attempts) == ATTEMPTS


@without_database
async def test_another_error_is_not_repeated(client: httpx2.AsyncClient, attempts: list[Any]) -> None:
    assert (await client.post("/other")).status_code == 500
    assert len(attempts) == 1


async def test_nothing_is_repeated_once_its_answer_has_begun() -> None:
    calls = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal calls
        calls += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise StaleDataError

    async def never(*_: Any) -> Any:
        raise AssertionError

    async def nowhere(message: Message) -> None:
        """Nobody reads it."""

    with pytest.raises(StaleDataError):
        await RetrySerializationFailures(app)({"type": "http"}, never, nowhere)
    assert calls == 1

# The template's: later versions change this file. Yours are listed in pyproject.toml.
import asyncio

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.types import Message, Receive, Scope, Send

from {{ cookiecutter.__package }}.runtime.database.engine import (
    Database,
)
from {{ cookiecutter.__package }}.runtime.database.session import (
    ReadSession,
    WriteSession,
    after_commit,
)

from support.tables import Child, Counter, counted


@pytest.fixture
async def app(app: FastAPI, database: Database) -> FastAPI:
    """The application with routes on the counter of `database`; both are open on one and the same."""
    app.state.called = []

    @app.post("/increment")
    async def increment(session: WriteSession, fail: bool = False) -> int:
        counter = await session.get_one(Counter, 1)
        counter.value += 1

        async def callback() -> None:
            async with database.read_session() as other:
                app.state.called.append(await counted(other))

        async def failing() -> None:
            raise ValueError

        after_commit(session, failing)
        after_commit(session, callback)
        if fail:
            await session.flush()
            raise ValueError
        return counter.value

    @app.post("/orphan")
    async def orphan(session: WriteSession) -> str:
        session.add(Child(counter=2))
        await session.flush()
        after_commit(session, lambda: asyncio.sleep(0, app.state.called.append(0)))
        return "created"

    @app.post("/read-only")
    async def read_only(session: ReadSession, how: str) -> int:
        if how == "sql":
            await session.execute(text("UPDATE counter SET value = 9"))
        elif how == "orm":
            (await session.get_one(Counter, 1)).value = 9
        return await counted(session)

    return app


async def stored(database: Database) -> int:
    async with database.read_session() as session:
        return await counted(session)


async def test_the_commit_comes_before_the_answer(app: FastAPI, database: Database) -> None:
    stored_at_start = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                stored_at_start.append(await stored(database))
            await send(message)

        await app(scope, receive, watched_send)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(watched), base_url="http://test") as client:
        assert (await client.post("/increment")).json() == 1
    assert stored_at_start == [1]


async def test_a_commit_that_fails_is_never_a_success(
    client: httpx2.AsyncClient, app: FastAPI, database: Database
) -> None:
    # What the handler wrote is in order until the commit asks for the counter that is not there.
    assert (await client.post("/orphan")).status_code == 500
    assert app.state.called == []
    async with database.read_session() as session:
        assert (await session.execute(text("SELECT count(*) FROM child"))).scalar_one() == 0


async def test_what_waits_for_the_commit_is_called_after_it_and_may_fail(
    client: httpx2.AsyncClient, app: FastAPI
) -> None:
    assert (await client.post("/increment")).status_code == 200
    assert app.state.called == [1]


async def test_an_error_undoes_what_was_written(client: httpx2.AsyncClient, app: FastAPI, database: Database) -> None:
    assert (await client.post("/increment", params={"fail": True})).status_code == 500
    assert app.state.called == []
    assert await stored(database) == 0


@pytest.mark.parametrize("how", ["sql", "orm"])
async def test_a_read_session_writes_nothing_and_says_so(
    client: httpx2.AsyncClient, database: Database, how: str
) -> None:
    assert (await client.post("/read-only", params={"how": how})).status_code == 500
    assert await stored(database) == 0
    # The connection is in the pool again, and whoever has it next may write.
    assert (await client.post("/increment")).status_code == 200
    assert (await client.post("/read-only", params={"how": ""})).json() == 1

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""A real server on a port of its own, in the test's own process, with small limits and routes that misbehave."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from pathlib import Path

import jsonschema
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from {{ cookiecutter.__package }}.runtime.application import (
    new_application,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
)
from {{ cookiecutter.__package }}.runtime.server import (
    DrainingServer,
    build_server,
)
from {{ cookiecutter.__package }}.runtime.state import (
    State,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

from support.wire import Address, Answer

LIMITS = {
    "APP_HTTP__HEADER_TIMEOUT": "0.2",
    "APP_HTTP__BODY_TIMEOUT": "0.2",
    "APP_HTTP__KEEP_ALIVE_TIMEOUT": "1",
    "APP_HTTP__REQUEST_TIMEOUT": "0.4",
    "APP_DATABASE__STATEMENT_TIMEOUT": "0.3",
    "APP_DATABASE__POOL_TIMEOUT": "0.2",
    "APP_DATABASE__CONNECT_TIMEOUT": "0.1",
    "APP_HTTP__MAX_HEADER_SIZE": "2048",
    "APP_HTTP__MAX_BODY_SIZE": "1000",
    "APP_HTTP__MAX_IN_FLIGHT": "8",
}


seen = ContextVar("seen", default="nothing")


async def until(condition: Callable[[], object]) -> None:
    """Wait until the condition is true, for a time far longer than that should take."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what happens elsewhere sets no event
            await asyncio.sleep(0.01)


class Running:
    """A server that accepts connections."""

    def __init__(self, app: FastAPI, server: DrainingServer, serving: asyncio.Task[None]) -> None:
        self.app = app
        self.server = server
        self.serving = serving

    @property
    def address(self) -> Address:
        host, port = self.server.servers[0].sockets[0].getsockname()
        return Address(host, port)

    async def all_closed(self) -> None:
        """Wait until no connection is left."""
        await until(lambda: not self.server.server_state.connections)

    def check_problem(self, answer: Answer) -> None:
        """Fail unless the answer is a problem as the OpenAPI document describes it."""
        assert answer.headers["content-type"] == "application/problem+json"
        schema = {"$ref": "#/components/schemas/ProblemDetails", "components": self.app.openapi()["components"]}
        jsonschema.validate(answer.json(), schema)
        assert answer.json()["status"] == answer.status
        assert len(answer.json()["trace_id"]) == 32


def settings_in(folder: Path, **variables: str) -> Settings:
    addresses = {"APP_HOST": "127.0.0.1", "PORT": "0", "APP_ADMIN__HOST": "127.0.0.1", "APP_ADMIN__PORT": "0"}
    environ = {"APP_ENV": "test", "DATABASE_URL": f"sqlite:///{folder}/test.db"} | addresses | LIMITS | variables
    return load_settings(Settings, environ)


@contextlib.asynccontextmanager
async def running_in(folder: Path, **variables: str) -> AsyncIterator[Running]:
    """Serve until the end of the block."""
    settings, state = settings_in(folder, **variables), State()
    app = misbehaving(settings, state)
    server = build_server(app, settings, state)
    serving = asyncio.create_task(server.serve())
    try:
        await until(lambda: state.listening)
        yield Running(app, server, serving)
    finally:
        server.should_exit = True
        await serving


def misbehaving(settings: Settings, state: State) -> FastAPI:
    app = new_application(settings, state)

    @app.get("/test/ok")
    async def ok() -> str:
        return "ok"

    @app.get("/test/context")
    async def context() -> str:
        before = seen.get()
        seen.set("another request")
        return before

    @app.get("/test/slow/{seconds}")
    async def slow(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "slept"

    @app.get("/test/block/{seconds}")
    async def block(seconds: float) -> str:
        time.sleep(seconds)  # noqa: ASYNC251 - what must not be done
        return "blocked"

    @app.post("/test/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.get("/test/big", response_model=None)
    async def big() -> Response:
        return Response(b"x" * 50_000_000)

    @app.get("/test/fail")
    async def fail() -> str:
        raise RuntimeError("canary")

    @app.get("/test/stream", response_model=None)
    async def stream(seconds: float = 0, size: int = 1, fail: bool = False) -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"x" * size
            await asyncio.sleep(seconds)
            if fail:
                raise RuntimeError("after the answer began")
            yield b"x" * size

        return StreamingResponse(chunks())

    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")

    @inner.get("/{number}")
    async def nested(outer_id: int, number: int) -> int:
        return number

    outer.include_router(inner, prefix="/{outer_id}")
    app.include_router(outer, prefix="/test")
    return app

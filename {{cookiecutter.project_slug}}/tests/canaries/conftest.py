# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""A canary shows, on the library alone, the fault that code of ours works around. It fails once the fault is mended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp

from support.server import until
from support.wire import Address

Serve = Callable[..., Any]


class Plain:
    """uvicorn as it is, with its httptools protocol, on a port of its own."""

    def __init__(self, server: uvicorn.Server) -> None:
        self.server = server

    @property
    def address(self) -> Address:
        host, port = self.server.servers[0].sockets[0].getsockname()
        return Address(host, port)


@asynccontextmanager
async def plain_uvicorn(app: ASGIApp, **config: Any) -> AsyncIterator[Plain]:
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http="httptools", lifespan="off", log_config=None, access_log=False, **config)
    )
    serving = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started)
        yield Plain(server)
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return a function that serves an ASGI application by plain uvicorn: `await serve(app, timeout_keep_alive=1)`."""
    async with AsyncExitStack() as closing:

        async def served(app: ASGIApp, **config: Any) -> Plain:
            return await closing.enter_async_context(plain_uvicorn(app, **config))

        yield served

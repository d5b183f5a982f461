# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""A server for a module's tests, on the event loop that serves in production."""

from collections.abc import AsyncIterator

import pytest

from support.server import Running, running_in


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running_in(tmp_path_factory.mktemp("server")) as running:
        yield running

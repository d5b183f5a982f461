# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Sessions for a request. `WriteSession` commits after the handler and before the answer; nothing else commits."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

logger = logging.getLogger(__name__)
Callback = Callable[[], Awaitable[None]]


def after_commit(session: AsyncSession, callback: Callback) -> None:
    """Call back once the session's transaction is committed, and not if it fails. An error of it is logged."""
    session.info.setdefault("after_commit", []).append(callback)


async def _write(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.resources.database.write_session() as session:
        yield session
        await session.commit()
        for callback in session.info.pop("after_commit", ()):
            try:
                await callback()
            except Exception:
                logger.exception("A callback after the commit failed.")


async def _read(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.resources.database.read_session() as session:
        yield session
        if session.new or session.dirty or session.deleted:
            # The database refuses what reaches it; this would not even, and be lost without a word.
            raise RuntimeError("A ReadSession can't write; use WriteSession.")


# FastAPI's default scope would commit after the answer was sent, when it can't be changed any more (its issue 3620).
WriteSession = Annotated[AsyncSession, Depends(_write, scope="function")]
ReadSession = Annotated[AsyncSession, Depends(_read, scope="function")]

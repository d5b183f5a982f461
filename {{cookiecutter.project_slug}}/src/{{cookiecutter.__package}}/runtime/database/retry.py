# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since only the whole request, commit included, can be repeated: retries what others made fail."""

import asyncio
import logging
import random

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import is_retryable

logger = logging.getLogger(__name__)

ATTEMPTS = 10
"""With 4, of 50 requests at once for the same row 20 were turned away; with 8, none."""
LONGEST_PAUSE = 0.2
"""Seconds."""


class RetrySerializationFailures:
    """Run a request again, with the same body, while nothing of its answer is sent. Its time limit goes on running."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received: list[Message] = []
        unrouted = dict(scope)
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._app(scope, _replaying(received, receive), watched_send)
                return
            except Exception as error:
                if started or attempt == ATTEMPTS or not is_retryable(error):
                    raise
                logger.info("Trying again after %s", type(error).__name__)
                scope.clear()
                scope.update(unrouted)
                pause = min(0.01 * 2**attempt, LONGEST_PAUSE)
                await asyncio.sleep(random.uniform(0.5, 1) * pause)  # nosec B311 # noqa: S311 - spreads load


def _replaying(received: list[Message], receive: Receive) -> Receive:
    """Return what was received before, then go on receiving, and remember that too."""
    replay = iter(list(received))

    async def replayed_receive() -> Message:
        if (message := next(replay, None)) is None:
            message = await receive()
            received.append(message)
        return message

    return replayed_receive

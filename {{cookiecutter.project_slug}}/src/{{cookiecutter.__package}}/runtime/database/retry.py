"""Own code, since only the whole request, commit included, can be repeated: retries what others' transactions refused."""

import asyncio
import logging
import random

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import is_retryable

logger = logging.getLogger(__name__)

ATTEMPTS = 4


class RetrySerializationFailures:
    """Run a request again, with the same body, while nothing of its answer is sent. Its time limit goes on running."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received: list[Message] = []
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        for attempt in range(1, ATTEMPTS + 1):
            replay = iter(list(received))

            async def replayed_receive(replay=replay) -> Message:  # type: ignore[no-untyped-def]
                if (message := next(replay, None)) is None:
                    message = await receive()
                    received.append(message)
                return message

            try:
                await self._app(dict(scope) if attempt < ATTEMPTS else scope, replayed_receive, watched_send)
                return
            except Exception as error:
                if started or attempt == ATTEMPTS or not is_retryable(error):
                    raise
                logger.info("Trying again after %s", type(error).__name__)
                await asyncio.sleep(random.uniform(0.5, 1) * 0.01 * 2**attempt)  # noqa: S311 - spreads load

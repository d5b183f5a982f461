# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""A pool that keeps turns. SQLAlchemy's gives a connection to whoever comes, not to whoever waits (its issue 7679)."""

import asyncio
import logging
from typing import Any

from sqlalchemy import exc
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util import await_

from ..observability import metrics

# SQLAlchemy names a pool's logger after its class; what it says at INFO is that the pool is closed, twice.
logging.getLogger(f"{__name__}.FairPool").setLevel(logging.WARNING)


class FairPool(AsyncAdaptedQueuePool):
    """Lets in as many as there may be connections, in the order in which they came; so nobody waits further down.

    A turn ends when a connection comes back, and when none could be opened: SQLAlchemy wakes nobody then.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._turns = asyncio.Semaphore(self.size() + self._max_overflow)

    def connect(self) -> PoolProxiedConnection:
        with metrics.DB_CONNECTION_WAIT_TIME.time():
            return super().connect()

    def _do_get(self) -> ConnectionPoolEntry:
        await_(self._turn())
        try:
            return super()._do_get()
        except BaseException:
            self._turns.release()
            raise

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        try:
            super()._do_return_conn(record)
        finally:
            self._turns.release()

    async def _turn(self) -> None:
        try:
            async with asyncio.timeout(self.timeout()):
                await self._turns.acquire()
        except TimeoutError:
            metrics.DB_CONNECTION_TIMEOUTS.inc()
            raise exc.TimeoutError(f"All connections were in use for {self.timeout()} s: {self.status()}") from None

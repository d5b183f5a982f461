# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Answers kept under an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), in the request's transaction."""

import random
from datetime import datetime, timedelta

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from .base import UtcDateTime, now
from .errors import Retry, is_unique_violation

LIFETIME = timedelta(hours=24)
SWEEP_EVERY = 50
"""Claims, on average, between two that also delete what has expired."""
SWEEP_AT_MOST = 500


class StoredResponse(SQLModel, table=True):
    __tablename__ = "idempotency_key"

    scope: str = Field(primary_key=True, max_length=200)
    key: str = Field(primary_key=True, max_length=255)
    request_hash: str = Field(max_length=64)
    status: int
    headers: str
    body: bytes
    expires_at: datetime = Field(default_factory=lambda: now() + LIFETIME, sa_type=UtcDateTime, index=True)


_columns = (col(StoredResponse.scope), col(StoredResponse.key))
_primary_key = tuple_(*_columns)


async def find(session: AsyncSession, scope: str, key: str) -> StoredResponse | None:
    """Return what was stored under the key and has not expired."""
    query = select(StoredResponse).where(_primary_key == (scope, key), col(StoredResponse.expires_at) >= now())
    return (await session.execute(query)).scalar_one_or_none()


async def claim(session: AsyncSession, response: StoredResponse) -> None:
    """Take a key. Where another request with the key was faster, this one is run again and finds its answer."""
    expired = col(StoredResponse.expires_at) < now()
    remove = delete(StoredResponse).execution_options(synchronize_session=False)
    await session.execute(remove.where(_primary_key == (response.scope, response.key), expired))
    if random.random() < 1 / SWEEP_EVERY:  # nosec B311 # noqa: S311 - spreads the work
        # In small bites and past what others hold, so that it delays nobody.
        some = select(*_columns).where(expired).limit(SWEEP_AT_MOST).with_for_update(skip_locked=True)
        await session.execute(remove.where(_primary_key.in_(some)))
    session.add(response)
    try:
        await session.flush()
    except Exception as error:
        if is_unique_violation(error):
            raise Retry from error
        raise

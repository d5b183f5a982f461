"""Answers kept under an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), in the request's transaction."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from .base import UtcDateTime, now
from .errors import Retry, is_unique_violation

LIFETIME = timedelta(hours=24)


class StoredResponse(SQLModel, table=True):
    __tablename__ = "idempotency_key"

    scope: str = Field(primary_key=True, max_length=200)
    key: str = Field(primary_key=True, max_length=255)
    request_hash: str = Field(max_length=64)
    status: int
    headers: str
    body: bytes
    expires_at: datetime = Field(default_factory=lambda: now() + LIFETIME, sa_type=UtcDateTime, index=True)


async def find(session: AsyncSession, scope: str, key: str) -> StoredResponse | None:
    """Return what was stored under the key; what has expired is deleted on the way."""
    await session.execute(delete(StoredResponse).where(StoredResponse.expires_at < now()))  # type: ignore[arg-type]
    query = select(StoredResponse).where(StoredResponse.scope == scope, StoredResponse.key == key)  # type: ignore[arg-type]
    return (await session.execute(query)).scalar_one_or_none()


async def claim(session: AsyncSession, response: StoredResponse) -> None:
    """Take a key. Where another request with the key was faster, this one is run again and finds its answer."""
    session.add(response)
    try:
        await session.flush()
    except Exception as error:
        if is_unique_violation(error):
            raise Retry from error
        raise

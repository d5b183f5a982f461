# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Keyset pagination: a cursor names the last item seen, so that a page costs the same wherever it is."""

import base64
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, Field

from .problems import FieldProblem, UnprocessableContent

ItemT = TypeVar("ItemT")
Position = tuple[datetime, UUID]


class Page(BaseModel, Generic[ItemT]):
    items: list[ItemT]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null at the end.")


def encode_cursor(position: Position) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([position[0].isoformat(), str(position[1])])).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> Position | None:
    """Return the position that a cursor names.

    Raises:
        UnprocessableContent: it is none of ours.
    """
    if cursor is None:
        return None
    try:
        created_at, identifier = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        created = datetime.fromisoformat(created_at)
        if created.tzinfo is None:
            raise ValueError("no time zone")
        position = created.astimezone(UTC), UUID(identifier)
    except (ValueError, TypeError, AttributeError, OverflowError):
        error = FieldProblem(location="query", pointer="/cursor", detail="Not a next_cursor", code="cursor")
        raise UnprocessableContent("Send next_cursor of the page before, unchanged.", errors=[error]) from None
    return position

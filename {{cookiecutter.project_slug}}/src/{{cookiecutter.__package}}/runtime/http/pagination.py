# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Keyset pagination: a cursor names the last item seen, so that a page costs the same wherever it is."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from .problems import FieldProblem, UnprocessableContent

ItemT = TypeVar("ItemT")
Position = tuple[datetime, UUID]

_YEAR_ONE = datetime.min.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The microseconds since the year 1, in eight bytes, and the id, in sixteen. They begin with A until the year 9133, so
# that whatever has this form is a position, and the OpenAPI document can say all that there is to say about a cursor.
_PATTERN = "^A[A-Za-z0-9_-]{31}$"
Cursor = Annotated[
    str | None,
    Query(
        description="`next_cursor` of the page before; absent for the first.", json_schema_extra={"pattern": _PATTERN}
    ),
]


class Page(BaseModel, Generic[ItemT]):
    items: list[ItemT]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null at the end.")


def encode_cursor(position: Position) -> str:
    moment = (position[0] - _YEAR_ONE) // _MICROSECOND
    return base64.urlsafe_b64encode(moment.to_bytes(8, "big") + position[1].bytes).decode()


def decode_cursor(cursor: str | None) -> Position | None:
    """Return the position that a cursor names.

    Raises:
        UnprocessableContent: it is none of ours.
    """
    if cursor is None:
        return None
    if not re.fullmatch(_PATTERN, cursor):
        error = FieldProblem(location="query", pointer="/cursor", detail="Not a next_cursor", code="cursor")
        raise UnprocessableContent("Send next_cursor of the page before, unchanged.", errors=[error])
    position = base64.urlsafe_b64decode(cursor)
    return _YEAR_ONE + int.from_bytes(position[:8], "big") * _MICROSECOND, UUID(bytes=position[8:])

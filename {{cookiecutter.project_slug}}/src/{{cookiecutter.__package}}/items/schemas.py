"""What callers send and get. Never the table itself: SQLModel's tables do not validate."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# No control characters: PostgreSQL refuses NUL, and nobody wants the others. No space at its ends either: whoever sent
# one is told, and the OpenAPI document says so.
_NO_CONTROL = r"[^\x00-\x1f\x7f-\x9f]"
_VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f]"
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=rf"^{_VISIBLE}({_NO_CONTROL}*{_VISIBLE})?$")
]
Description = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]


class NewItem(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    description: Description | None = None


class ItemChanges(BaseModel):
    """What is absent stays as it is; of what there is, only the description may be null."""

    model_config = ConfigDict(extra="forbid")

    # The default says that it may be absent; nobody reads it.
    name: Name = Field(default_factory=str)
    description: Description | None = None


class ItemView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str | None
    version: int
    created_at: datetime
    updated_at: datetime

"""The table of items."""

from sqlalchemy import Column, Index, Integer
from sqlmodel import Field

from ..runtime.database.base import Entity

_version = Column("version", Integer, nullable=False)


class Item(Entity, table=True):
    __tablename__ = "item"
    # Each update asks for the version that it read, so that none is lost.
    __mapper_args__ = {"version_id_col": _version}  # noqa: RUF012 - SQLAlchemy's name

    # For the pages.
    __table_args__ = (Index("ix_item_created_at_id", "created_at", "id"),)

    name: str = Field(max_length=100, unique=True)
    description: str | None = Field(default=None, max_length=1000)
    version: int = Field(default=None, sa_column=_version)

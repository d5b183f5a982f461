# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Tables to work on that no feature owns, and no migration knows."""

from sqlalchemy import Column, ForeignKey, Integer, MetaData
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class _Base(DeclarativeBase):
    metadata = MetaData()


class Counter(_Base):
    __tablename__ = "counter"

    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(default=0)
    version = Column(Integer, nullable=False)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's name


class Child(_Base):
    """Its counter must exist, and that is asked at the commit."""

    __tablename__ = "child"

    id: Mapped[int] = mapped_column(primary_key=True)
    counter: Mapped[int] = mapped_column(ForeignKey("counter.id", deferrable=True, initially="DEFERRED"))


async def create_tables(session: AsyncSession) -> None:
    """Create them, with the counter 1 at 0, and commit."""
    await (await session.connection()).run_sync(_Base.metadata.create_all)
    session.add(Counter(id=1))
    await session.commit()


async def counted(session: AsyncSession) -> int:
    counter = await session.get_one(Counter, 1)
    return counter.value

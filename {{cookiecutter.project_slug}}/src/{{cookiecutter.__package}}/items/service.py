"""What can be done with items: the only place with SQL for them."""

from uuid import UUID

from sqlalchemy import desc, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from ..runtime.database.errors import is_unique_violation
from ..runtime.http.pagination import Position
from ..runtime.http.problems import Conflict, NotFound
from .models import Item
from .schemas import ItemChanges, NewItem


async def create(session: AsyncSession, new: NewItem) -> Item:
    item = Item(name=new.name, description=new.description)
    session.add(item)
    await _flush(session)
    return item


async def page(session: AsyncSession, limit: int, after: Position | None) -> tuple[list[Item], Position | None]:
    """Return the newest after a position, and the position of the last one if there are more."""
    query = select(Item).order_by(desc(col(Item.created_at)), desc(col(Item.id))).limit(limit + 1)
    if after is not None:
        query = query.where(tuple_(col(Item.created_at), col(Item.id)) < after)
    items = list((await session.execute(query)).scalars())
    last = items[limit - 1] if len(items) > limit else None
    return items[:limit], (last.created_at, last.id) if last else None


async def get(session: AsyncSession, item_id: UUID) -> Item:
    item = await session.get(Item, item_id)
    if item is None:
        raise NotFound("There is no item with this id.")
    return item


async def change(session: AsyncSession, item: Item, changes: ItemChanges) -> None:
    for name, value in changes.model_dump(exclude_unset=True).items():
        setattr(item, name, value)
    await _flush(session)


async def remove(session: AsyncSession, item: Item) -> None:
    await session.delete(item)
    await session.flush()


async def _flush(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        if is_unique_violation(error):
            raise Conflict("Another item has this name.", type="urn:problem-type:item-name-taken") from error
        raise

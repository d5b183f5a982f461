# The service's libraries are not installed where mypy looks.
# mypy: disable-error-code="attr-defined, call-arg, misc, no-any-return, untyped-decorator"
"""Run by an installed service's Python: serves it with more routes on its data, as a team would write them, and with
the mistakes that the tests must find. Argument: its package.

Each mistake stands below `/planted`, and answers as the good route does.
"""

import asyncio
import importlib
import os
import random
import socket
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

package = sys.argv[1]


def module(name: str) -> Any:
    return importlib.import_module(f"{package}.{name}")


if TYPE_CHECKING:
    from typing import Any as Idempotency
    from typing import Any as Item
    from typing import Any as NewItem
    from typing import Any as ReadSession
    from typing import Any as Request
    from typing import Any as SQLModel
    from typing import Any as WriteSession
else:
    from fastapi import Request
    from sqlmodel import SQLModel

    Idempotency = module("runtime.http.idempotency").IdempotencyKey
    Item = module("items.models").Item
    NewItem = module("items.schemas").NewItem
    ReadSession = module("runtime.database.session").ReadSession
    WriteSession = module("runtime.database.session").WriteSession

fastapi = importlib.import_module("fastapi")
sqlalchemy = importlib.import_module("sqlalchemy")
sqlmodel = importlib.import_module("sqlmodel")
items = module("items.service")
views = module("items.schemas")
pagination = module("runtime.http.pagination")
session_module = module("runtime.database.session")

SOME = 0.05
"""Seconds in which others come between, where a mistake leaves room for them."""
_version = sqlalchemy.Column("version", sqlalchemy.Integer, nullable=False)


class Counter(SQLModel, table=True):
    """The table is made by `truth.py`: `version` is SQLAlchemy's, who writes that of before into each UPDATE."""

    __tablename__ = "counter"
    __mapper_args__ = {"version_id_col": _version}

    name: str = sqlmodel.Field(primary_key=True)
    value: int
    version: int = sqlmodel.Field(default=None, sa_column=_version)


router = fastapi.APIRouter()


async def late_session(request: Request) -> AsyncIterator[Any]:
    """What FastAPI's documentation shows: by default it ends after the answer was sent, and so comes the commit."""
    async with request.app.state.resources.database.write_session() as session:
        yield session
        await asyncio.sleep(SOME)
        await session.commit()


LateSession = Annotated[Any, fastapi.Depends(late_session)]


# Increments.


@router.post("/counter/{name}")
async def increment(name: str, session: WriteSession) -> int:
    counter = await session.get_one(Counter, name)
    counter.value += 1
    return int(counter.value)


@router.post("/planted/counter/{name}")
async def increment_without_the_version(name: str, request: Request) -> int:
    """Reads in one transaction, and writes in another what it read."""
    database, table = request.app.state.resources.database, Counter.__table__
    async with database.read_session() as reading:
        value = int((await reading.get_one(Counter, name)).value) + 1
    async with database.write_session() as session:
        await session.execute(table.update().where(table.c.name == name).values(value=value))
        await session.commit()
    return value


# Two rows that belong together.


@router.post("/transfer/{one}/{other}")
async def transfer(one: str, other: str, session: WriteSession) -> None:
    """Move one from a counter to another; their sum stays."""
    by_name = {name: await session.get_one(Counter, name) for name in sorted((one, other))}
    by_name[one].value -= 1
    await session.flush()
    by_name[other].value += 1


@router.post("/planted/transfer/{one}/{other}")
async def transfer_by_halves(one: str, other: str, session: WriteSession) -> None:
    (await session.get_one(Counter, one)).value -= 1
    await session.commit()
    await asyncio.sleep(SOME)
    (await session.get_one(Counter, other)).value += 1


# Items.


def created(item: Any, request: Request) -> Any:
    headers = {"Location": f"/v1/items/{item.id}", "ETag": f'"{item.version}"'}
    body = views.ItemView.model_validate(item).model_dump_json()
    return fastapi.Response(body, 201, headers, "application/json")


@router.post("/planted/items", response_model=None)
async def create_late(new: NewItem, request: Request, session: LateSession) -> Any:
    return created(await items.create(session, new), request)


_answers: dict[str, Any] = {}


@router.post("/planted/unclaimed", response_model=None)
async def create_unclaimed(new: NewItem, request: Request, session: WriteSession) -> Any:
    """Looks for an answer in this process's memory, and stores it there when it is done."""
    key = request.headers["idempotency-key"]
    if key not in _answers:
        _answers[key] = created(await items.create(session, new), request)
    return _answers[key]


@router.patch("/planted/items/{item_id}")
async def change_whatever_is_there(item_id: UUID, changes: dict[str, str], request: Request) -> Any:
    """Compares the ETag with what it reads, and then writes over whatever there is by then."""
    database = request.app.state.resources.database
    async with database.read_session() as reading:
        item = await items.get(reading, item_id)
    module("runtime.http.preconditions").require_match(request.headers.get("if-match"), item.version)
    await asyncio.sleep(SOME)
    async with database.write_session() as session:
        values = {"description": changes["description"], "version": item.version + 1}
        await session.execute(sqlalchemy.update(Item).where(Item.id == item_id).values(**values))
        await session.commit()
    return {"version": item.version + 1}


@router.get("/planted/items")
async def list_by_offset(session: ReadSession, limit: int = 20, cursor: int = 0) -> Any:
    newest = sqlalchemy.select(Item).order_by(sqlalchemy.desc(Item.created_at)).limit(limit).offset(cursor)
    found = (await session.execute(newest)).scalars().all()
    following = str(cursor + limit) if len(found) == limit else None
    return {"items": [{"id": str(item.id)} for item in found], "next_cursor": following}


# Requests that wait half way until they are let go, so that a test can break what it likes meanwhile.

_held: dict[str, asyncio.Event] = {}


async def hold(place: str) -> None:
    """Wait, unless the environment says that nobody does."""
    if os.environ.get("HOLD") == "":
        return
    await _held.setdefault(place, asyncio.Event()).wait()


@router.get("/held")
async def held() -> list[str]:
    """Name the places where a request waits."""
    return [place for place, event in _held.items() if not event.is_set()]


@router.post("/let-go")
async def let_go() -> None:
    for event in _held.values():
        event.set()


@router.post("/held/items/{place}", response_model=None)
async def create_held(
    place: str, new: NewItem, request: Request, session: WriteSession, idempotency: Idempotency
) -> Any:
    """Create an item as the example does, and wait at `begun`, `claimed`, `created` or `committed`."""
    if place == "begun":
        await hold(place)
    if (replayed := await idempotency.replay(new)) is not None:
        return replayed
    if place == "claimed":
        await hold(place)
    item = await items.create(session, new)
    if place == "created":
        await hold(place)
    if place == "committed":
        session_module.after_commit(session, lambda: hold(place))
    return idempotency.keep(created(item, request))


@router.patch("/held/items/{item_id}")
async def change_held(item_id: UUID, changes: dict[str, str], request: Request, session: WriteSession) -> None:
    """Change an item, and wait after the commit, where the cache still has to hear of it."""
    item = await items.get(session, item_id)
    item.description = changes["description"]
    session_module.after_commit(session, lambda: hold("changed"))
    await request.app.state.resources.cache.invalidate_with(session, f"item:{item_id}")


@router.patch("/planted/held/items/{item_id}")
async def change_held_and_tell_after(
    item_id: UUID, changes: dict[str, str], request: Request, session: WriteSession
) -> None:
    """The same, but the cache hears of it after the commit alone."""
    (await items.get(session, item_id)).description = changes["description"]
    session_module.after_commit(session, lambda: hold("changed"))
    session_module.after_commit(session, lambda: request.app.state.resources.cache.invalidate(f"item:{item_id}"))


# Leaks.

_leaked: list[Any] = []
_leaky = importlib.import_module("prometheus_client").Counter("leaky", "A series for each caller.", ["caller"])


@router.post("/planted/leak/memory")
async def leak_memory() -> None:
    _leaked.append(os.urandom(2048))


@router.post("/planted/leak/counts")
async def leak_what_is_counted(request: Request) -> None:
    """In a tenth of all cases a series, and in a few, as at a rare error, an open socket."""
    if random.random() < 0.1:
        _leaky.labels(uuid4().hex).inc()
    if random.random() < 0.002:
        url = urlsplit(request.app.state.resources.settings.current_secret("DATABASE_URL"))
        _leaked.append(socket.create_connection((url.hostname, url.port)))


# Commits that fail.


@router.post("/deferred/{name}")
async def break_a_deferred_constraint(name: str, session: WriteSession) -> str:
    """On PostgreSQL the row is refused at the commit alone (the table is made by `truth.py`)."""
    await session.execute(sqlalchemy.text("INSERT INTO entry VALUES (:name, 'nobody')"), {"name": name})
    return "written"


@router.post("/planted/deferred/{name}")
async def break_it_late(name: str, session: LateSession) -> str:
    return await break_a_deferred_constraint(name, session)


async def _end_backend(session: Any, request: Request) -> None:
    pid = (await session.execute(sqlalchemy.text("SELECT pg_backend_pid()"))).scalar_one()
    async with request.app.state.resources.database.write_session() as other:
        await other.execute(sqlalchemy.text("SELECT pg_terminate_backend(:pid, 1000)"), {"pid": pid})


@router.post("/cut/{name}")
async def lose_the_connection_at_the_commit(name: str, request: Request, session: WriteSession) -> str:
    session.add(Counter(name=name, value=0))
    await session.flush()
    await _end_backend(session, request)
    return "written"


@router.post("/planted/cut/{name}")
async def lose_it_late(name: str, request: Request, session: LateSession) -> str:
    return await lose_the_connection_at_the_commit(name, request, session)


def create_app(settings: Any, state: Any) -> Any:
    app = module("app").create_app(settings, state)
    app.include_router(router, prefix="/test")
    return app


if __name__ == "__main__":
    settings = module("runtime.loader").load_settings(module("settings").Settings)
    sys.exit(module("runtime.serve").serve(settings, create_app))

# mypy: ignore-errors
# The template's own tools know none of these libraries.
"""What this template is compared with: a service as the documentation of its libraries would have one write it.

Run by an installed service's Python. It has the paths that the fault tests ask for, probes included, on its one port.
"""

import asyncio
import logging
import os
import time
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID, uuid4

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

logging.basicConfig(level=logging.INFO)
url = os.environ["DATABASE_URL"]
engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+psycopg:"))
redis = Redis.from_url(os.environ["REDIS_URL"]) if "REDIS_URL" in os.environ else None


class PlainItem(SQLModel, table=True):
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str
    description: str | None = None


class Changes(SQLModel):
    description: str


async def get_session():
    async with AsyncSession(engine) as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/livez")
@app.get("/readyz")
async def probe() -> str:
    return "ok"


@app.post("/v1/items", status_code=201)
async def create_item(item: PlainItem, session: Session, response: Response) -> PlainItem:
    item.id = uuid4()
    session.add(item)
    await session.commit()
    await session.refresh(item)
    response.headers["Location"] = f"/v1/items/{item.id}"
    return item


@app.get("/v1/items")
async def list_items(session: Session) -> list[PlainItem]:
    return (await session.exec(select(PlainItem).limit(20))).all()


@app.get("/v1/items/{item_id}")
async def get_item(item_id: UUID, session: Session) -> PlainItem:
    if redis and (stored := await redis.get(str(item_id))):
        return PlainItem.model_validate_json(stored)
    item = await session.get(PlainItem, item_id)
    if item is None:
        raise HTTPException(404)
    if redis:
        await redis.set(str(item_id), item.model_dump_json(), ex=30)
    return item


@app.patch("/v1/items/{item_id}")
async def change_item(item_id: UUID, changes: Changes, session: Session) -> PlainItem:
    item = await session.get(PlainItem, item_id)
    if item is None:
        raise HTTPException(404)
    item.sqlmodel_update(changes.model_dump(exclude_unset=True))
    await session.commit()
    await session.refresh(item)
    return item


# What `faulty.py` adds to a service of the template.


@app.get("/test/slow/{seconds}")
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


@app.get("/test/block/{seconds}")
async def block(seconds: float) -> str:
    time.sleep(seconds)
    return "blocked"


@app.get("/test/busy")
async def busy() -> str:
    await asyncio.sleep(0.05)
    ends = time.perf_counter() + 0.004
    while time.perf_counter() < ends:
        pass
    return "worked"


@app.get("/test/fail")
async def fail(text: str) -> str:
    raise RuntimeError(text)


@app.get("/test/log")
async def log() -> str:
    logging.getLogger("test").error("Lost last")
    return "logged"


@app.post("/test/echo")
async def echo(request: Request) -> int:
    return len(await request.body())


@app.get("/test/nested/{number}")
async def nested(number: int) -> int:
    return number


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]))

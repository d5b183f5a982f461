"""The HTTP interface of items."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response

from ..runtime.auth.guard import requires
from ..runtime.database.session import ReadSession, WriteSession
from ..runtime.http.idempotency import IdempotencyKey
from ..runtime.http.pagination import Cursor, Page, decode_cursor, encode_cursor
from ..runtime.http.preconditions import CREATED, TAGGED, IfMatch, IfNoneMatch, etag, none_match, require_match
from ..runtime.http.problems import responses
from . import service
from .schemas import ItemChanges, ItemView, NewItem

CACHED_FOR = 30
"""Seconds."""
READ, WRITE = [requires("items:read")], [requires("items:write")]

router = APIRouter(prefix="/items", tags=["items"])


@router.post(
    "",
    status_code=201,
    response_model=ItemView,
    responses={201: CREATED, **responses(409)},
    dependencies=WRITE,
)
async def create_item(new: NewItem, request: Request, session: WriteSession, idempotency: IdempotencyKey) -> Response:
    if (replayed := await idempotency.replay(new)) is not None:
        return replayed
    item = await service.create(session, new)
    headers = {"Location": f"{request.url.path}/{item.id}", "ETag": etag(item.version)}
    body = ItemView.model_validate(item).model_dump_json()
    return idempotency.keep(Response(body, 201, headers, "application/json"))


@router.get("", dependencies=READ)
async def list_items(
    session: ReadSession,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Cursor = None,
) -> Page[ItemView]:
    """List items, the newest first."""
    items, last = await service.page(session, limit, decode_cursor(cursor))
    views = [ItemView.model_validate(item) for item in items]
    return Page(items=views, next_cursor=encode_cursor(last) if last else None)


@router.get(
    "/{item_id}",
    response_model=ItemView,
    responses={200: TAGGED, 304: {"description": "Not Modified", **TAGGED}, **responses(404)},
    dependencies=READ,
)
async def get_item(
    item_id: UUID, request: Request, session: ReadSession, if_none_match: IfNoneMatch = None
) -> Response:
    async def load() -> bytes:
        item = await service.get(session, item_id)
        return ItemView.model_validate(item).model_dump_json().encode()

    body = await request.app.state.resources.cache.get_or_set(_key(item_id), load, ttl=CACHED_FOR)
    # Only what is needed is read of it: it may be another release's.
    version = orjson.loads(body)["version"]
    headers = {"ETag": etag(version), "Cache-Control": "private, no-cache"}
    if none_match(if_none_match, version):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


@router.patch("/{item_id}", responses={200: TAGGED, **responses(404, 409, 412, 428)}, dependencies=WRITE)
async def change_item(
    item_id: UUID,
    changes: ItemChanges,
    request: Request,
    response: Response,
    session: WriteSession,
    if_match: IfMatch = None,
) -> ItemView:
    item = await service.get(session, item_id)
    require_match(if_match, item.version)
    await service.change(session, item, changes)
    await request.app.state.resources.cache.invalidate_with(session, _key(item_id))
    response.headers["ETag"] = etag(item.version)
    return ItemView.model_validate(item)


@router.delete("/{item_id}", status_code=204, responses=responses(404, 412, 428), dependencies=WRITE)
async def delete_item(item_id: UUID, request: Request, session: WriteSession, if_match: IfMatch = None) -> None:
    item = await service.get(session, item_id)
    require_match(if_match, item.version)
    await service.remove(session, item)
    await request.app.state.resources.cache.invalidate_with(session, _key(item_id))


def _key(item_id: UUID) -> str:
    return f"item:{item_id}"

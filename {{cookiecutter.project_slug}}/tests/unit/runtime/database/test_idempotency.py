# The template's: later versions change this file. Yours are listed in pyproject.toml.
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from {{ cookiecutter.__package }}.runtime.database import (
    idempotency,
)
from {{ cookiecutter.__package }}.runtime.database.base import (
    now,
)
from {{ cookiecutter.__package }}.runtime.database.engine import (
    Database,
)
from {{ cookiecutter.__package }}.runtime.database.errors import (
    Retry,
)
from {{ cookiecutter.__package }}.runtime.database.idempotency import (
    StoredResponse,
    claim,
    find,
)


def response(key: str, *, body: bytes = b"", age: timedelta = timedelta()) -> StoredResponse:
    expires_at = now() + idempotency.LIFETIME - age
    return StoredResponse(
        scope="POST /", key=key, request_hash="", status=201, headers="", body=body, expires_at=expires_at
    )


async def store(database: Database, *responses: StoredResponse) -> None:
    async with database.write_session() as session:
        for stored in responses:
            await claim(session, stored)
        await session.commit()


async def found(database: Database, key: str) -> bytes | None:
    async with database.read_session() as session:
        stored = await find(session, "POST /", key)
        return stored.body if stored else None


async def count(database: Database) -> int:
    async with database.read_session() as session:
        return (await session.execute(select(func.count()).select_from(StoredResponse))).scalar_one()


LONG_AGO = idempotency.LIFETIME + timedelta(seconds=1)


async def test_an_answer_is_found_under_its_key_until_it_expires(database: Database) -> None:
    await store(database, response("new", body=b"new"), response("old", age=LONG_AGO))
    assert await found(database, "new") == b"new"
    assert await found(database, "old") is None
    assert await found(database, "other") is None


async def test_a_claimed_key_is_tried_again_and_an_expired_one_is_free(database: Database) -> None:
    await store(database, response("new"), response("old", age=LONG_AGO))
    with pytest.raises(Retry):
        await store(database, response("new"))
    await store(database, response("old", body=b"second"))
    assert await found(database, "old") == b"second"


async def test_claims_sweep_what_has_expired_a_few_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "SWEEP_EVERY", float("inf"))
    await store(database, response("kept"), *(response(f"old {number}", age=LONG_AGO) for number in range(5)))
    assert await count(database) == 6
    monkeypatch.setattr(idempotency, "SWEEP_EVERY", 1)
    monkeypatch.setattr(idempotency, "SWEEP_AT_MOST", 3)
    await store(database, response("first"))
    assert await count(database) == 4
    await store(database, response("second"))
    assert await count(database) == 3
    assert await found(database, "kept") is not None

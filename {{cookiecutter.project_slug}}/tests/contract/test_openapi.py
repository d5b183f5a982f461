# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What the OpenAPI document says beyond what FastAPI makes of the routes. (The template tests that it is true.)"""

from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query

from {{ cookiecutter.__package }}.runtime.application import (
    new_application,
)
from {{ cookiecutter.__package }}.runtime.http.pagination import (
    Cursor,
)
from {{ cookiecutter.__package }}.runtime.http.preconditions import (
    CREATED,
    TAGGED,
    IfMatch,
)
from {{ cookiecutter.__package }}.runtime.http.problems import (
    responses,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)


@pytest.fixture
def document(settings: Settings) -> dict[str, Any]:
    app: FastAPI = new_application(settings)

    @app.get("/shops/{shop}/books")
    async def books(shop: int, cursor: Cursor = None, either: Annotated[int | str | None, Query()] = None) -> str:
        return ""

    @app.post("/shops/{shop}/books", status_code=201, responses={201: CREATED})
    async def add(shop: int) -> dict[str, str]:
        return {}

    @app.put("/shops/{shop}/books/{book}", responses={200: TAGGED, **responses(428)})
    async def put(shop: int, book: int, if_match: IfMatch = None) -> str:
        return ""

    @app.delete("/shops/{shop}/books/{book}")
    async def remove(shop: int, book: int, if_match: IfMatch = None) -> str:
        return ""

    return app.openapi()


def parameters(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    return {parameter["name"]: parameter for parameter in document["paths"][path][method]["parameters"]}


def test_a_parameter_is_absent_and_never_null(document: dict[str, Any]) -> None:
    found = parameters(document, "/shops/{shop}/books", "get")
    assert found["cursor"]["schema"]["type"] == "string"
    assert found["cursor"]["schema"]["pattern"]
    assert found["either"]["schema"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert not found["cursor"]["required"]


def test_if_match_is_required_where_it_may_be_missed(document: dict[str, Any]) -> None:
    assert parameters(document, "/shops/{shop}/books/{book}", "put")["If-Match"]["required"]
    assert not parameters(document, "/shops/{shop}/books/{book}", "delete")["If-Match"]["required"]


def test_an_answer_leads_to_what_can_be_done_with_it(document: dict[str, Any]) -> None:
    book = document["paths"]["/shops/{shop}/books/{book}"]
    created = document["paths"]["/shops/{shop}/books"]["post"]["responses"]["201"]["links"]
    put, remove = book["put"]["operationId"], book["delete"]["operationId"]
    assert set(created) == {put, remove}
    assert created[put]["parameters"] == {
        "shop": "$request.path.shop",
        "book": "$response.body#/id",
        "If-Match": "$response.header.ETag",
    }
    changed = book["put"]["responses"]["200"]["links"]
    assert changed[remove]["parameters"]["book"] == "$request.path.book"
    assert "links" not in book["delete"]["responses"]["200"]

# The template's: later versions change this file. Yours are listed in pyproject.toml.
from typing import Any

import httpx2
import jsonschema
import pytest
from fastapi import FastAPI


async def problem(client: httpx2.AsyncClient, app: FastAPI, method: str, path: str, **request: Any) -> dict[str, Any]:
    """Send a request whose answer is a problem, and check it against the OpenAPI document's schema."""
    answer = await client.request(method, path, **request)
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    schema = {"$ref": "#/components/schemas/ProblemDetails", "components": app.openapi()["components"]}
    jsonschema.validate(body, schema)
    assert body["status"] == answer.status_code
    assert len(body["trace_id"]) == 32
    return body


def add_route(app: FastAPI) -> None:
    @app.post("/test/{number}")
    async def route(number: int, body: dict[str, int]) -> dict[str, int]:
        return {"answer": 1 // number}


async def test_an_unknown_path_is_a_404(client: httpx2.AsyncClient, app: FastAPI) -> None:
    assert (await problem(client, app, "GET", "/no-such-path"))["status"] == 404


async def test_a_wrong_method_is_a_405_that_says_what_is_allowed(client: httpx2.AsyncClient, app: FastAPI) -> None:
    add_route(app)
    assert (await problem(client, app, "GET", "/test/1"))["status"] == 405
    assert (await client.get("/test/1")).headers["allow"] == "POST"


async def test_a_405_names_the_methods_of_all_routes_of_the_path(client: httpx2.AsyncClient, app: FastAPI) -> None:
    add_route(app)

    @app.get("/test/{name}")
    async def read(name: str) -> str:
        return name

    assert (await client.delete("/test/1")).headers["allow"] == "GET, HEAD, POST"


async def test_a_head_is_a_get_without_its_body(client: httpx2.AsyncClient, app: FastAPI) -> None:
    @app.get("/test")
    async def read() -> str:
        return "body"

    got, asked = await client.get("/test"), await client.head("/test")
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-length"] == got.headers["content-length"]
    assert (await client.head("/no-such-path")).status_code == 404


async def test_a_large_body_is_a_413(client: httpx2.AsyncClient, app: FastAPI) -> None:
    body = await problem(client, app, "POST", "/test/1", content=b"x" * 1_048_577)
    assert (body["status"], body["title"]) == (413, "Content Too Large")


async def test_another_media_type_is_a_415(client: httpx2.AsyncClient, app: FastAPI) -> None:
    add_route(app)
    request = {"content": b"a=1", "headers": {"Content-Type": "text/plain"}}
    assert (await problem(client, app, "POST", "/test/1", **request))["status"] == 415


@pytest.mark.parametrize("content", [b'{"secret": "canary"}', b'{"secret": canary'])
async def test_a_422_says_where_and_never_what(client: httpx2.AsyncClient, app: FastAPI, content: bytes) -> None:
    add_route(app)
    request = {"content": content, "headers": {"Content-Type": "application/json"}}
    body = await problem(client, app, "POST", "/test/1", **request)
    assert body["status"] == 422
    assert body["errors"][0]["location"] == "body"
    assert "canary" not in str(body)


async def test_an_unhandled_exception_is_a_500_without_internals(client: httpx2.AsyncClient, app: FastAPI) -> None:
    add_route(app)
    body = await problem(client, app, "POST", "/test/0", json={"a": 1})
    assert body["status"] == 500
    assert "ZeroDivision" not in str(body)


async def test_no_operation_promises_an_error_that_is_no_problem(app: FastAPI) -> None:
    add_route(app)
    operations = [operation for path in app.openapi()["paths"].values() for operation in path.values()]
    assert operations
    for operation in operations:
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"]

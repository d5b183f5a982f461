# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The guard around an application, with a check of the test's own. (The template tests real tokens.)"""

import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from {{ cookiecutter.__package }}.runtime.auth.guard import (
    Caller,
    GuardMiddleware,
    KeysUnavailable,
    Principal,
    Refusal,
    requires,
)
from {{ cookiecutter.__package }}.runtime.http import (
    problems,
)

ran: list[str] = []


async def verify(token: str) -> Principal:
    if token == "unavailable":
        raise KeysUnavailable
    if token == "bad":
        raise Refusal("expired", "The token has expired.")
    return Principal(token, frozenset(["a", "b"]), {})


async def plain(request: Request) -> Response:
    return PlainTextResponse("plain")


@pytest.fixture
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    app = FastAPI(dependencies=[requires()])
    problems.install(app)
    folder = tmp_path_factory.mktemp("files")
    (folder / "file.txt").write_text("secret")

    @app.get("/who")
    async def who(caller: Caller) -> str:
        ran.append("who")
        return caller.subject if caller else "nobody"

    @app.delete("/both", dependencies=[requires("a", "b")])
    async def both() -> None:
        ran.append("both")

    @app.delete("/more", dependencies=[requires("a", "c")])
    async def more() -> None:
        ran.append("more")

    app.add_route("/plain", plain)
    app.mount("/files", StaticFiles(directory=folder))
    return app


async def ask(app: ASGIApp, method: str, path: str, token: str = "") -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.request(method, path, headers=headers)


@pytest.fixture
def guarded(app: FastAPI) -> GuardMiddleware:
    ran.clear()
    return GuardMiddleware(app, verify, docs=True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/who", 200), ("DELETE", "/both", 200), ("GET", "/plain", 200), ("GET", "/files/file.txt", 200)],
)
async def test_every_kind_of_route_is_guarded(guarded: GuardMiddleware, method: str, path: str, status: int) -> None:
    """Those too for which FastAPI asks no dependency."""
    for token, refused in (("", 401), ("bad", 401), ("unavailable", 503)):
        answer = await ask(guarded, method, path, token)
        assert answer.status_code == refused
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret" not in answer.text
    assert ran == []
    assert (await ask(guarded, method, path, "somebody")).status_code == status


async def test_what_has_no_route_is_a_404_or_a_405(guarded: GuardMiddleware) -> None:
    assert (await ask(guarded, "GET", "/no-such-path")).status_code == 404
    assert (await ask(guarded, "PUT", "/who")).status_code == 405


async def test_a_handler_may_ask_who_calls(guarded: GuardMiddleware, app: FastAPI) -> None:
    assert (await ask(guarded, "GET", "/who", "somebody")).json() == "somebody"
    assert (await ask(app, "GET", "/who", "somebody")).json() == "nobody"


async def test_all_scopes_are_needed(guarded: GuardMiddleware, app: FastAPI) -> None:
    assert (await ask(guarded, "DELETE", "/both", "somebody")).status_code == 200
    answer = await ask(guarded, "DELETE", "/more", "somebody")
    assert answer.status_code == 403
    assert 'scope="a c"' in answer.headers["www-authenticate"]
    assert ran == ["both"]
    # Off, they are no matter.
    assert (await ask(app, "DELETE", "/more")).status_code == 200


async def test_the_documents_alone_are_open(guarded: GuardMiddleware) -> None:
    assert (await ask(guarded, "GET", "/openapi.json")).status_code == 200
    for path in ("/docs/../who", "/docsx", "/openapi.json/who", "//docs"):
        assert (await ask(guarded, "GET", path)).status_code in (401, 404)
    assert ran == []

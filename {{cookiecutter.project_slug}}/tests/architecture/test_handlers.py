# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What holds for every route, of the application as it is made, each with a twin that breaks it."""

from collections.abc import Callable, Iterator
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from {{ cookiecutter.__package }}.app import (
    create_app,
)
from {{ cookiecutter.__package }}.runtime.database import (
    session,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)


@pytest.fixture
def app() -> FastAPI:
    return create_app(load_settings(Settings, {"APP_HTTP__DOCS": "true"}))


def routes(owner: FastAPI | APIRouter) -> Iterator[APIRoute]:
    """Yield each route with a handler, those of included routers too."""
    for route in owner.routes:
        if isinstance(route, APIRoute):
            yield route
        # FastAPI keeps an included router behind a route of its own.
        elif isinstance(router := getattr(route, "original_router", None), APIRouter):
            yield from routes(router)


def without_a_type(app: FastAPI) -> list[str]:
    """Without a type FastAPI serialises by a way that takes ten times as long, and documents nothing."""
    return [
        route.path
        for route in routes(app)
        if route.response_model is None and "return" not in route.endpoint.__annotations__
    ]


def dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from dependants(inner)


def sessions_that_outlive_the_handler(app: FastAPI) -> list[str]:
    """A session of the request's scope, FastAPI's default, commits after the answer was sent."""
    return [
        route.path
        for route in routes(app)
        for dependant in dependants(route.dependant)
        if dependant.call in (session._write, session._read) and dependant.scope != "function"
    ]


CHECKS = [without_a_type, sessions_that_outlive_the_handler]


@pytest.mark.parametrize("check", CHECKS)
def test_every_route_keeps_the_rule(app: FastAPI, check: Callable[[FastAPI], list[str]]) -> None:
    assert check(app) == []


def test_every_route_is_seen(app: FastAPI) -> None:
    """Or the rules would be empty: the document has its own way to the routes."""
    documented = [method for path in app.openapi()["paths"].values() for method in path]
    seen = [method for route in routes(app) if route.include_in_schema for method in route.methods or ()]
    assert len(seen) == len(documented)


def untyped(router: APIRouter) -> None:
    @router.get("/planted")
    async def planted():  # type: ignore[no-untyped-def]
        return {}


def late(router: APIRouter) -> None:
    def inner(session: Annotated[AsyncSession, Depends(session._write)]) -> AsyncSession:
        return session

    @router.get("/planted")
    async def planted(found: Annotated[AsyncSession, Depends(inner)]) -> str:
        return ""


@pytest.mark.parametrize(("check", "plant"), list(zip(CHECKS, (untyped, late), strict=True)))
def test_a_route_that_breaks_the_rule_is_found(
    app: FastAPI, check: Callable[[FastAPI], list[str]], plant: Callable[[APIRouter], None]
) -> None:
    router = APIRouter()
    plant(router)
    app.include_router(router, prefix="/deep")
    assert len(check(app)) == 1

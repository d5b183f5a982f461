# The template's: later versions change this file. Yours are listed in pyproject.toml.
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from fastapi import APIRouter, Depends, FastAPI, Request
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import Message, Receive, Scope, Send


async def ask(app: Any, method: str, path: str, **request: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.request(method, path, **request)


async def test_what_follows_a_yield_follows_the_answer_too() -> None:
    """Its issue 3620. Its 0.121 gave dependencies a scope, and this is still the default."""
    events = []

    async def transaction() -> AsyncIterator[None]:
        yield
        events.append("commit")

    app = FastAPI()

    @app.post("/", dependencies=[Depends(transaction)])
    async def create() -> str:
        return "created"

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            events.append(message["type"])
            await send(message)

        await app(scope, receive, noted)

    assert (await ask(observed, "POST", "/")).status_code == 200
    expected = ["http.response.start", "http.response.body", "commit"]
    assert events == expected, 'runtime/database/session.py need not say scope="function" any more'


async def test_the_route_in_the_scope_lacks_the_prefix() -> None:
    """Its issue 16051."""
    app, router = FastAPI(), APIRouter(prefix="/inner")
    found = []

    @router.get("/{number}")
    async def nested(number: int, request: Request) -> None:
        found.append(request.scope["route"].path)

    app.include_router(router, prefix="/outer")
    assert (await ask(app, "GET", "/outer/inner/1")).status_code == 200
    assert found == ["/inner/{number}"], 'route_template can read scope["route"] alone'


async def test_head_is_not_allowed_where_get_is() -> None:
    """Its issue 1773."""
    app = FastAPI()

    @app.get("/")
    async def get() -> str:
        return "got"

    assert (await ask(app, "HEAD", "/")).status_code == 405, "the edge need not make a GET of it any more"


async def test_allow_names_the_methods_of_one_route_alone() -> None:
    app = FastAPI()

    @app.get("/")
    async def get() -> str:
        return "got"

    @app.put("/")
    async def put() -> str:
        return "put"

    allow = (await ask(app, "DELETE", "/")).headers["allow"]
    assert allow == "GET", "allowed_methods in runtime/http/routing.py can go"


async def test_its_limit_of_a_body_answers_in_plain_text() -> None:
    """Starlette's PR 3431 made the limit."""
    app = FastAPI(max_body_size=10)

    @app.post("/")
    async def take(request: Request) -> int:
        return len(await request.body())

    answer = await ask(app, "POST", "/", content=b"x" * 11)
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/plain"), "the edge can leave the body's size to FastAPI"


async def test_an_invalid_request_is_answered_with_what_was_sent() -> None:
    app = FastAPI()

    @app.get("/")
    async def get(number: int) -> int:
        return number

    answer = await ask(app, "GET", "/?number=canary")
    assert answer.status_code == 422
    assert "canary" in answer.text, "problems.py may take more of what FastAPI says of an error"


async def test_bytes_that_are_no_text_are_another_error_than_broken_json() -> None:
    app = FastAPI()

    @app.post("/")
    async def take(value: dict[str, str]) -> int:
        return len(value)

    headers = {"Content-Type": "application/json"}
    answers = [await ask(app, "POST", "/", content=content, headers=headers) for content in (b"{", b'{"a": "\xff"}')]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [422, 400], "the first case of _http_exception in problems.py can go"


async def test_its_span_of_a_request_publishes_path_and_query() -> None:
    """It also costs a request that is not sampled 40 µs, which no test should measure."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = FastAPI(telemetry={"tracer_provider": provider, "operation_spans": False, "metrics": False, "logs": False})
    await ask(app, "GET", "/path-canary?token=query-canary")
    provider.shutdown()
    (span,) = exporter.get_finished_spans()
    published = str(dict(span.attributes or {}))
    assert "path-canary" in published, "measure again whether FastAPI's span can take the place of ServerSpan"
    assert "query-canary" in published, "measure again whether FastAPI's span can take the place of ServerSpan"

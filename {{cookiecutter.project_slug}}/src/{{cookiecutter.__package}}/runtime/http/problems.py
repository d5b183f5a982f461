# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since the libraries for it echo the input and the exception's text: errors as RFC 9457 problem details."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from . import context
from .routing import allowed_methods

MEDIA_TYPE = "application/problem+json"
# RFC 9110's names, which Python has from 3.13 on.
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


def _phrase(status: int) -> str:
    return _TITLES.get(status) or HTTPStatus(status).phrase


class FieldProblem(BaseModel):
    location: str = Field(description="body, query, path, header or cookie")
    pointer: str = Field(description="Where in it, as a JSON Pointer (RFC 6901)")
    detail: str
    code: str


class ProblemDetails(BaseModel):
    """Problem details for HTTP APIs (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    trace_id: str
    errors: list[FieldProblem] | None = None


class Problem(HTTPException):
    """An error answer. `detail` and extensions are shown to the caller: never put input or internals in them."""

    def __init__(
        self,
        status: int,
        *,
        type: str = "about:blank",
        title: str | None = None,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldProblem] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(status, detail=detail or "", headers=dict(headers) if headers else None)
        self.type = type
        self.title = title or _phrase(status)
        self.safe_detail = detail
        self.errors = errors
        self.extensions = extensions


class NotFound(Problem):
    def __init__(self, detail: str) -> None:
        super().__init__(404, detail=detail)


class Conflict(Problem):
    def __init__(self, detail: str, *, type: str = "about:blank") -> None:
        super().__init__(409, type=type, detail=detail)


class PreconditionFailed(Problem):
    def __init__(self, detail: str = "The resource has changed since; get it again and repeat.") -> None:
        super().__init__(412, detail=detail)


class PreconditionRequired(Problem):
    def __init__(self, detail: str = "Send If-Match with the resource's ETag.") -> None:
        super().__init__(428, detail=detail)


class UnprocessableContent(Problem):
    def __init__(self, detail: str, *, type: str = "about:blank", errors: Sequence[FieldProblem] | None = None) -> None:
        super().__init__(422, type=type, detail=detail, errors=errors)


class ServiceUnavailable(Problem):
    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(503, detail=detail, headers={"Retry-After": str(retry_after)})


def render(problem: Problem) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the answer's headers and body. No `instance`: a path is input too, and the trace id says which it was."""
    content: dict[str, Any] = {"type": problem.type, "title": problem.title, "status": problem.status_code}
    if problem.safe_detail:
        content["detail"] = problem.safe_detail
    content |= {"trace_id": context.trace_id.get(), **problem.extensions}
    if problem.errors is not None:
        content["errors"] = [error.model_dump() for error in problem.errors]
    body = orjson.dumps(content)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in (problem.headers or {}).items()]
    return headers, body


def response(problem: Problem) -> Response:
    headers, body = render(problem)
    answer = Response(status_code=problem.status_code)
    answer.body, answer.raw_headers = body, headers
    return answer


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document problems of a route: `responses=responses(404, 409)`."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    retry_after = {"Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "integer"}}}
    return {
        status: {"description": _phrase(status), "content": {MEDIA_TYPE: schema}}
        | ({"headers": retry_after} if status == 503 else {})
        for status in statuses
    }


def install(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _invalid_request)


async def _http_exception(request: Request, exc: Exception) -> Response:
    if isinstance(exc.__cause__, UnicodeDecodeError | RecursionError):
        # FastAPI calls bytes that are no text, and an endless nesting, a 400; other broken JSON a 422, as we do.
        error = FieldProblem(location="body", pointer="", detail="JSON decode error", code="json_invalid")
        exc = UnprocessableContent("The request is not valid.", errors=[error])
    elif isinstance(exc, HTTPException) and not isinstance(exc, Problem):
        headers = dict(exc.headers or {})
        if "Allow" in headers:
            headers["Allow"] = allowed_methods(request.app.routes, request.scope)
        exc = Problem(exc.status_code, headers=headers)
    return response(cast(Problem, exc))


async def _invalid_request(request: Request, exc: Exception) -> Response:
    errors = cast(RequestValidationError, exc).errors()
    if any(error["loc"][:1] == ("body",) for error in errors) and not _is_json(request):
        return response(Problem(415, detail="Send the body as application/json."))
    problem = Problem(422, detail="The request is not valid.", errors=[_field_problem(error) for error in errors])
    return response(problem)


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """Keep what says where and why; drop `input`, `ctx` and `url`, which may repeat what was sent."""
    location, *path = error["loc"] or ("body",)
    if error["type"] == "json_invalid":
        path = []
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
    # An unknown field's name is input as well: say where it is, not what it is called.
    if error["type"] == "extra_forbidden":
        pointer = pointer.rpartition("/")[0]
    detail = "Value is not valid" if error["type"] == "value_error" else error["msg"]
    return FieldProblem(location=str(location), pointer=pointer, detail=detail, code=error["type"])

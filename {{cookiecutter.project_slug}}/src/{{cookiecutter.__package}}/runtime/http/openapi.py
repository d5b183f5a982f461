# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The OpenAPI document that tells the truth about errors: problem details, where FastAPI would promise others."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .problems import ProblemDetails, responses

_ALWAYS = (500, 503, 504)
_WITH_BODY = (408, 413, 415, 422)
_GUARDED = (400, 401, 403)


def install(app: FastAPI, *, guarded: bool) -> None:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, guarded)
        return app.openapi_schema

    # FastAPI's documented way to change its document.
    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI, guarded: bool) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    details = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= details.pop("$defs", {})
    schemas["ProblemDetails"] = details
    if not guarded:
        # Scopes stand at the routes in any case.
        document["components"].pop("securitySchemes", None)
    for path in document.get("paths", {}).values():
        for operation in path.values():
            answers = operation["responses"]
            takes_input = "422" in answers or "parameters" in operation
            answers.pop("422", None)
            if not guarded:
                operation.pop("security", None)
            statuses = _ALWAYS + (_WITH_BODY if "requestBody" in operation else (422,) if takes_input else ())
            statuses += _GUARDED if guarded else ()
            for status, answer in responses(*statuses).items():
                answers.setdefault(str(status), answer)
            operation["responses"] = dict(sorted(answers.items()))
    return document

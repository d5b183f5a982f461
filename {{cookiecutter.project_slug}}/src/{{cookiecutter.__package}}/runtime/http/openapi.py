# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The OpenAPI document that tells the truth about errors: problem details, where FastAPI would promise others."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .limits import Limit
from .links import add_links
from .problems import ProblemDetails, responses

_GUARDED = (401, 403)
_ALWAYS = (400, 408, 429, 431, 500, 503, 504)
_WITH_BODY = (413, 415, 422)
_RATE_HEADERS = {
    "Retry-After": {"description": "Seconds until a request will be allowed.", "schema": {"type": "integer"}},
    "RateLimit-Policy": {
        "description": 'The quota and its window: `"default";q=100;w=60`.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left, and seconds until all is back: `"default";r=0;t=60`.',
        "schema": {"type": "string"},
    },
}


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
            for parameter in operation.get("parameters", []):
                _mend(parameter, answers)
            takes_input = "422" in answers or "parameters" in operation
            answers.pop("422", None)
            if not guarded:
                operation.pop("security", None)
            statuses = _ALWAYS + (_WITH_BODY if "requestBody" in operation else (422,) if takes_input else ())
            statuses += _GUARDED if guarded else ()
            for status, answer in responses(*statuses).items():
                if types := ", ".join(f"`{limit.type}`" for limit in Limit if limit.status == status):
                    answer["description"] += f". Where a limit was met, its type is {types}."
                if status == Limit.RATE.status:
                    answer["headers"] = _RATE_HEADERS
                answers.setdefault(str(status), answer)
            operation["responses"] = dict(sorted(answers.items()))
    add_links(document.get("paths", {}))
    return document


def _mend(parameter: dict[str, Any], answers: dict[str, Any]) -> None:
    """Say what FastAPI can't: a parameter is absent, and never null; and a 428 is for an If-Match that is absent."""
    schema = parameter["schema"]
    others = [other for other in schema.get("anyOf", ()) if other != {"type": "null"}]
    if len(others) == 1:
        del schema["anyOf"]
        schema |= others[0]
    elif others:
        schema["anyOf"] = others
    if parameter["name"] == "If-Match" and "428" in answers:
        parameter["required"] = True

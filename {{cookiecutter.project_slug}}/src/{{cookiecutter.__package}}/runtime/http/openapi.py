# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The OpenAPI document that tells the truth about errors: problem details, where FastAPI would promise others."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .links import add_links
from .problems import ProblemDetails, responses

_ALWAYS = (500, 503, 504)
_WITH_BODY = (408, 413, 415, 422)


def install(app: FastAPI) -> None:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    # FastAPI's documented way to change its document.
    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    details = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= details.pop("$defs", {})
    schemas["ProblemDetails"] = details
    for path in document.get("paths", {}).values():
        for operation in path.values():
            answers = operation["responses"]
            for parameter in operation.get("parameters", []):
                _mend(parameter, answers)
            takes_input = "422" in answers or "parameters" in operation
            answers.pop("422", None)
            statuses = _ALWAYS + (_WITH_BODY if "requestBody" in operation else (422,) if takes_input else ())
            for status, answer in responses(*statuses).items():
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

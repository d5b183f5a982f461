# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The only reader of what FastAPI keeps in the scope; a canary test tells when it changes."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

UNMATCHED = "unmatched"
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def route_template(scope: Scope) -> str:
    """Return the whole template of the matched route, `/v1/items/{item_id}`, never the path: it would be unbounded.

    Since FastAPI 0.137 `scope["route"].path` lacks the prefixes of the routers that include it (its issue 16051).
    """
    context = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(context, "path", None) or getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else UNMATCHED


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> str:
    """Return the `Allow` of a path: what all of its routes take, where Starlette names those of the first alone."""
    methods = [m for m in _METHODS if any(route.matches({**scope, "method": m})[0] is Match.FULL for route in routes)]
    return ", ".join(sorted([*methods, "HEAD"] if "GET" in methods else methods))

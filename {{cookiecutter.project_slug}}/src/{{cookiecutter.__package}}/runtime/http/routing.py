"""The only reader of what FastAPI keeps in the scope; a canary test tells when it changes."""

from starlette.types import Scope

UNMATCHED = "unmatched"


def route_template(scope: Scope) -> str:
    """Return the whole template of the matched route, `/v1/items/{item_id}`, never the path: it would be unbounded.

    Since FastAPI 0.137 `scope["route"].path` lacks the prefixes of the routers that include it.
    """
    context = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(context, "path", None) or getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else UNMATCHED

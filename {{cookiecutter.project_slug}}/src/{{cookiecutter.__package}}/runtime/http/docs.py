# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Swagger UI at `/docs` from a package's files: no CDN, so that it works offline and under a strict policy."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response
from fastapi.staticfiles import StaticFiles

from .. import service

# The version is in the address, so that a browser may keep the files and never has those of another version.
_FILES = f"docs/{version('fastapi-swagger')}"
# Every address is relative, so that the page works behind a proxy that takes a prefix off; requests go there as well.
_START = """
fetch("openapi.json").then((answer) => answer.json()).then((spec) => SwaggerUIBundle({
  spec: {...spec, servers: [{url: new URL(".", location).pathname}]},
  dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true,
}));
"""
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{escape(service.NAME)}</title>
<link rel="icon" href="{_FILES}/favicon-32x32.png">
<link rel="stylesheet" href="{_FILES}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{_FILES}/swagger-ui-bundle.js"></script>
<script>{_START}</script>
</body>
</html>
"""
# Swagger UI's stylesheet holds its icons as `data:`.
_POLICY = (
    "default-src 'none'; "
    f"script-src 'self' 'sha256-{b64encode(sha256(_START.encode()).digest()).decode()}'; "
    "style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def is_docs(path: str) -> bool:
    return path in ("/docs", "/openapi.json") or path.startswith(f"/{_FILES}/")


class _Files(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def docs_router() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def page() -> Response:
        return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": _POLICY})

    router.mount(f"/{_FILES}", _Files(packages=[("fastapi_swagger", "resources")]))
    return router

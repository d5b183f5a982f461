# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Links in the OpenAPI document: what can be called after an answer, and with what of it (OpenAPI 3.1, 4.8.20)."""

import re
from typing import Any

_NAME = re.compile(r"\{(\w+)\}")
_Operations = dict[str, dict[str, Any]]


def add_links(paths: dict[str, _Operations]) -> None:
    """Link a `Location` to what it can be used for, and an `ETag` to what else there is of its path."""
    for path, operations in paths.items():
        below = next((other for other in paths if re.fullmatch(re.escape(path) + r"/\{\w+\}", other)), None)
        for operation in operations.values():
            for answer in operation["responses"].values():
                headers = answer.get("headers", {})
                known = {name: f"$request.path.{name}" for name in _NAME.findall(path)}
                if "Location" in headers and below:
                    _link(answer, paths[below], known | {_NAME.findall(below)[-1]: "$response.body#/id"})
                elif "ETag" in headers:
                    _link(answer, operations, known)


def _link(answer: dict[str, Any], operations: _Operations, known: dict[str, str]) -> None:
    links = answer.setdefault("links", {})
    for operation in operations.values():
        conditional = any(parameter["name"] == "If-Match" for parameter in operation.get("parameters", []))
        parameters = known | ({"If-Match": "$response.header.ETag"} if conditional else {})
        links[operation["operationId"]] = {"operationId": operation["operationId"], "parameters": parameters}

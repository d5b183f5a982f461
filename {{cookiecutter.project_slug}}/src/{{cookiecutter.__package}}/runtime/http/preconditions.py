# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Conditional requests with strong ETags (RFC 9110, 13.1; 428 is RFC 6585, 3)."""

import re
from typing import Annotated, Any

from fastapi import Header

from .problems import PreconditionFailed, PreconditionRequired

# RFC 9110, 8.8.3 and 13.1.1. Whoever forgets the quotes shall not be told that the resource has changed.
_LIST = r'^(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)$'
IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="The resource's ETag, or `*`.", pattern=_LIST, examples=["*"])
]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]
_ETAG = {"ETag": {"description": "The resource's version.", "required": True, "schema": {"type": "string"}}}
_LOCATION = {"Location": {"description": "The resource's path.", "required": True, "schema": {"type": "string"}}}
TAGGED: dict[str, Any] = {"headers": _ETAG}
"""Document that an answer has an ETag: `responses={200: TAGGED}`."""
CREATED: dict[str, Any] = {"headers": _LOCATION | _ETAG}
"""Document that an answer says where the resource is, and its ETag: `responses={201: CREATED}`."""
_TAG = re.compile(r'(W/)?"([^"]*)"')


def etag(version: int) -> str:
    return f'"{version}"'


def require_match(header: str | None, version: int) -> None:
    """Check If-Match by strong comparison.

    Raises:
        PreconditionRequired: there is no If-Match.
        PreconditionFailed: it names another version.
    """
    if header is None:
        raise PreconditionRequired
    tags = [tag for weak, tag in _TAG.findall(header) if not weak]
    if header.strip() != "*" and str(version) not in tags:
        raise PreconditionFailed


def none_match(header: str | None, version: int) -> bool:
    """Say whether the caller has this version already, so that 304 is the answer (weak comparison)."""
    return header is not None and (header.strip() == "*" or str(version) in [tag for _, tag in _TAG.findall(header)])

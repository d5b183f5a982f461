# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Conditional requests with strong ETags (RFC 9110, 13.1; 428 is RFC 6585, 3)."""

import re
from typing import Annotated

from fastapi import Header

from .problems import PreconditionFailed, PreconditionRequired

IfMatch = Annotated[str | None, Header(alias="If-Match", description="The resource's ETag, or `*`.")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]
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

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Who gets in, where APP_AUTH__ISSUER is set: callers with a bearer token (RFC 6750), to each route of the service.

A route asks for scopes with `dependencies=[requires("items:read")]`, and a handler for who calls with a `Caller`. Where
the guard is off, all callers get in, and `Caller` is None.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import service
from ..http.docs import is_docs
from ..http.problems import Problem, response
from ..observability import metrics

_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller for whom a token was issued."""

    subject: str
    scopes: frozenset[str]
    claims: Mapping[str, Any]


class Refusal(Exception):
    """A token is not good. `reason` is the metric's label; `description` is for the caller, and holds nothing of it."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(description)
        self.reason = reason
        self.description = description


class KeysUnavailable(Exception):
    """The issuer was never reached, so that nobody can say which tokens are good."""


Verify = Callable[[str], Awaitable[Principal]]


class GuardMiddleware:
    """Own code, since FastAPI reads a body before it asks its dependencies, and asks none for a mounted application.

    Nothing of a body is read, and no good answer gets out, before the token was found good. By its dependency a route's
    handler is not even run; a mounted application that changes something without a body must ask for itself. What has
    no route is a 404 as ever.
    """

    def __init__(self, app: ASGIApp, verify: Verify, docs: bool) -> None:
        self._app = app
        self._verify = verify
        self._docs = docs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A browser has no token for a page. Where the documents are not to be seen they are off.
        if scope["type"] != "http" or (self._docs and is_docs(scope["path"])):
            await self._app(scope, receive, send)
            return
        caller = scope["caller"] = _UncheckedCaller(scope["headers"], self._verify)

        started = refused = False

        async def is_refused() -> bool:
            nonlocal refused
            if not (started or refused):
                try:
                    await caller.principal()
                except Problem as problem:
                    # Not raised: an application may be answering, while it also waits for the end of the connection.
                    refused = True
                    await response(problem)(scope, receive, send)
            return refused

        async def guarded_receive() -> Message:
            return {"type": "http.disconnect"} if await is_refused() else await receive()

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if refused or (not started and message["status"] < 400 and await is_refused()):
                return
            started = True
            await send(message)

        await self._app(scope, guarded_receive, guarded_send)


class _UncheckedCaller:
    """Who sent a request, once somebody asks."""

    def __init__(self, headers: list[tuple[bytes, bytes]], verify: Verify) -> None:
        self._headers = headers
        self._verify = verify
        self._principal: Principal | None = None

    async def principal(self) -> Principal:
        if self._principal is None:
            token = self._token()
            try:
                self._principal = await self._verify(token)
            except Refusal as refusal:
                raise _refused(401, refusal.reason, "invalid_token", refusal.description) from None
            except KeysUnavailable:
                metrics.AUTH_REFUSALS.labels("unavailable").inc()
                raise Problem(
                    503,
                    type="urn:problem-type:issuer-unavailable",
                    detail="The issuer of tokens does not answer; try again.",
                    headers={"Retry-After": "1"},
                ) from None
        return self._principal

    def _token(self) -> str:
        """Return what the Authorization header has, the only place where a token is taken from."""
        given = [value for name, value in self._headers if name == b"authorization"]
        scheme, _, token = given[0].strip().partition(b" ") if given else (b"", b"", b"")
        if len(given) > 1 or (scheme.lower() == b"bearer" and not _TOKEN.fullmatch(token.strip())):
            raise _refused(400, "request", "invalid_request", "Send one header Authorization: Bearer, with one token.")
        if scheme.lower() != b"bearer":
            # No code and no description, where nothing was sent (RFC 6750, 3.1).
            raise _refused(401, "missing", "", "")
        return token.strip().decode()


def _refused(status: int, reason: str, error: str, description: str, scope: str = "") -> Problem:
    """Count and return a refusal in both of its forms: the challenge (RFC 6750, 3) and the problem."""
    metrics.AUTH_REFUSALS.labels(reason).inc()
    said = {"realm": service.NAME, "error": error, "error_description": description, "scope": scope}
    challenge = ", ".join(f'{name}="{value}"' for name, value in said.items() if value)
    return Problem(
        status,
        type=f"urn:problem-type:{error.replace('_', '-') or 'no-token'}",
        detail=description or "Send a token: Authorization: Bearer.",
        headers={"WWW-Authenticate": f"Bearer {challenge}"},
    )


class _Bearer(SecurityBase):
    """FastAPI's own way of a scheme, so that the OpenAPI document names it and the scopes of each route."""

    scheme_name = "bearer"
    model = HTTPBearer(bearerFormat="JWT")

    async def __call__(self, request: Request, needed: SecurityScopes) -> Principal | None:
        caller: _UncheckedCaller | None = request.scope.get("caller")
        if caller is None:
            return None
        principal = await caller.principal()
        if not principal.scopes.issuperset(needed.scopes):
            description = "The token lacks a scope that the request needs."
            raise _refused(403, "scope", "insufficient_scope", description, needed.scope_str)
        return principal


_bearer = _Bearer()

Caller = Annotated[Principal | None, Security(_bearer)]
"""Who calls, in a handler: `caller: Caller`. None where the guard is off."""


def requires(*scopes: str) -> Any:
    """Let only callers in whose token has all of these scopes, and any token where there are none."""
    return Security(_bearer, scopes=scopes)

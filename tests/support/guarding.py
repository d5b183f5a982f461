"""A service with its guard on, and requests to it with a token."""

from typing import Any

import httpx2

from support.issuer import AUDIENCE, Issuer
from support.process import Server, Service

BOTH = "items:read items:write"


def guarded(service: Service, issuer: Issuer, **variables: str) -> Service:
    return service.given(APP_AUTH__ISSUER=issuer.url, APP_AUTH__AUDIENCE=AUDIENCE, **variables)


def call(server: Server, token: str | None = None, method: str = "GET", **request: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return httpx2.request(method, f"{server.url}/v1/items", headers=headers, timeout=20, **request)


def check_refusal(answer: httpx2.Response, status: int, error: str) -> None:
    """Fail unless it is a problem, and a challenge with this error (RFC 6750, 3)."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert answer.json()["type"] == f"urn:problem-type:{error.replace('_', '-')}"
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="')
    assert f'error="{error}"' in challenge
    assert f'error_description="{answer.json()["detail"]}"' in challenge

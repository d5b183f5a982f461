"""The check that `helm test` runs: the service is ready, and an error is a problem with its trace id."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

TIMEOUT = 5


def smoke(url: str, admin_url: str) -> int:
    """Return 0 if every check passes, 1 otherwise; each prints a line."""
    failed = 0
    checks: list[tuple[str, Callable[[], str]]] = [
        ("ready", lambda: _ready(admin_url)),
        ("problem", lambda: _problem(url)),
    ]
    for name, check in checks:
        try:
            found = check()
        except (OSError, ValueError) as error:
            found = str(error)
        failed += bool(found)
        sys.stdout.write(f"{name}: {found or 'ok'}\n")
    return 1 if failed else 0


def _get(url: str) -> tuple[int, str, Any]:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is not an address: it must begin with http:// or https://")
    try:
        answer = urllib.request.urlopen(url, timeout=TIMEOUT)  # noqa: S310 - the scheme is checked above
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers.get_content_type(), json.loads(answer.read())


def _ready(admin_url: str) -> str:
    status, _, body = _get(f"{admin_url}/readyz?verbose")
    return "" if status == 200 else f"/readyz answered {status}: {body}"


def _problem(url: str) -> str:
    status, media_type, body = _get(f"{url}/no-such-path")
    if (status, media_type) != (404, "application/problem+json") or not body.get("trace_id"):
        return f"an unknown path answered {status} {media_type}, not a 404 problem with a trace id"
    return ""

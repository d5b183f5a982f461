# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The check that `helm test` runs: the service is ready, and an error is a problem with its trace id."""

import json
import sys
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

TIMEOUT = 5
"""Seconds for each request."""

# Never through a proxy: both addresses are in the cluster, or on this machine.
_opener = build_opener(ProxyHandler({}))


class _Failed(Exception):
    """A check failed; the text says how."""


def smoke(url: str, admin_url: str) -> int:
    """Check a running service and print a line for each check; return 0 if all pass, else 1."""
    code = 0
    for name, check, address in (("ready", _ready, admin_url), ("problem", _problem, url)):
        try:
            check(address.rstrip("/"))
        except _Failed as failed:
            code = 1
            sys.stdout.write(f"{name}: {failed}\n")
        else:
            sys.stdout.write(f"{name}: ok\n")
    return code


def _ready(admin_url: str) -> None:
    address = f"{admin_url}/readyz"
    status, _, body = _get(address)
    if status != 200:
        failed = body.get("failed") if isinstance(body, dict) else None
        why = f", for want of: {', '.join(map(str, failed))}" if isinstance(failed, list) else ""
        raise _Failed(f"{address} answered {status}{why}")


def _problem(url: str) -> None:
    address = f"{url}/no-such-path"
    status, media_type, body = _get(address)
    if (
        (status, media_type) != (404, "application/problem+json")
        or not isinstance(body, dict)
        or "trace_id" not in body
    ):
        raise _Failed(f"{address} answered {status} {media_type}, not a 404 problem with a trace id")


def _get(address: str) -> tuple[int, str, object]:
    """Return status, media type, and the body if it is JSON."""
    if not address.startswith(("http://", "https://")):
        raise _Failed(f"{address} is no address: it must begin with http:// or https://")
    try:
        answer = _opener.open(address, timeout=TIMEOUT)
    except HTTPError as error:
        answer = error
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise _Failed(f"{address} does not answer: {reason}") from None
    with answer:
        try:
            text = answer.read()
        except (OSError, HTTPException) as error:
            raise _Failed(f"{address} broke off its answer: {error}") from None
        try:
            body: object = json.loads(text)
        except ValueError:
            body = None
        return answer.status, answer.headers.get_content_type(), body

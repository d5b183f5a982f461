# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The identifiers of the request being handled, for each log line and error. The edge sets them anew each time."""

import random
import re
from contextvars import ContextVar
from urllib.parse import parse_qsl

from opentelemetry import trace

from ..observability.sensitive import is_sensitive

request_id: ContextVar[str] = ContextVar("request_id", default="")
trace_id: ContextVar[str] = ContextVar("trace_id", default="")
credentials: ContextVar[tuple[str, ...]] = ContextVar("credentials", default=())
"""What the caller has shown to be let in, for the log to mask wherever it turns up."""

# As OpenTelemetry's own: they tell requests apart and guard nothing; the system's randomness would cost a call each.
_random = random.Random()  # nosec B311 # noqa: S311
_SHORTEST = 8
"""Characters of a credential: what is shorter may be anything else in a line as well."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_CREDENTIALS = frozenset({b"authorization", b"cookie", b"proxy-authorization", b"x-api-key"})
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def identify(headers: list[tuple[bytes, bytes]], query: bytes = b"") -> tuple[str, str]:
    """Set and return the request id and the trace id, and note what is secret of the headers and the query.

    A caller's `X-Request-ID` counts only where it can't forge a log line or flood an index. The trace id is the current
    span's, else that of the caller's `traceparent` (W3C Trace Context, 3.2), else a new one, so that an error has one.
    """
    given_id = parent = b""
    shown: list[str] = []
    for name, value in headers:
        if name == b"x-request-id":
            given_id = value
        elif name == b"traceparent":
            parent = value
        elif name in _CREDENTIALS:
            shown += _parts(value.decode("latin-1"))
    for field, secret in parse_qsl(query.decode("latin-1")) if query else ():
        if is_sensitive(field):
            shown.append(secret)
    span_context = trace.get_current_span().get_span_context()
    if span_context.is_valid:
        trace_hex = f"{span_context.trace_id:032x}"
    elif (match := _TRACEPARENT.fullmatch(parent)) and match[1] != b"0" * 32:
        trace_hex = match[1].decode()
    else:
        trace_hex = f"{_random.getrandbits(128) or 1:032x}"
    request_hex = given_id.decode() if _REQUEST_ID.fullmatch(given_id) else f"{_random.getrandbits(64):016x}"
    request_id.set(request_hex)
    trace_id.set(trace_hex)
    credentials.set(tuple(secret for secret in shown if len(secret) >= _SHORTEST))
    return request_hex, trace_hex


def _parts(credential: str) -> list[str]:
    """Return a header's value and what in it is secret by itself: the token of a scheme, each cookie's value."""
    words = re.split("[; ]+", credential)
    return [credential, *words, *(word.partition("=")[2] for word in words)]

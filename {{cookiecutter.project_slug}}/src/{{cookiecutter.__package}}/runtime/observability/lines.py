# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since the libraries for it cost twice as much: a log record as one line of JSON, without secrets."""

import json
import logging
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from fastapi.exceptions import ValidationException as FastAPIError
from opentelemetry import trace
from pydantic import ValidationError as PydanticError

from ..http import context
from .sensitive import is_sensitive

MAX_TEXT = 16_384
"""Characters of a message or a stack that are kept; of a stack the last, which say where it happened."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_OWN = frozenset({"timestamp", "level", "logger", "service", "version", "request_id", "trace_id", "span_id"}) | {
    "http_request_method",
    "http_route",
    "client_address",
}
"""What nobody can hide from the log by sending it as a credential: a cookie may hold its sender's address."""
_MASK = "***"
_DEPTH = 6
_CONTAINERS = (dict, list, tuple)
_secrets: dict[str, str] = {}
"""Each secret, and how it looks inside JSON."""


def add_secret(value: str) -> None:
    """Mask a value in every line from now on: of a URL the passwords in it, of `Bearer …` the token as well.

    Short ones are left alone.
    """
    if "://" in value:
        password = value.rpartition("@")[0].partition("://")[2].partition(":")[2]
        query = parse_qsl(value.partition("?")[2])
        secrets = {password, unquote(password), *(item for name, item in query if is_sensitive(name))}
    else:
        secrets = {value, value.rpartition(" ")[2]}
    _secrets.update((secret, _as_json(secret).decode()[1:-1]) for secret in secrets if len(secret) >= 4)


class JsonFormatter(logging.Formatter):
    def __init__(self, service: str, version: str) -> None:
        super().__init__()
        self._service, self._version = service, version

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Whatever the record holds, there is one: a log call never fails its caller."""
        span = trace.get_current_span().get_span_context()
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record)[:MAX_TEXT],
            "service": self._service,
            "version": self._version,
            "request_id": context.request_id.get(),
            "trace_id": context.trace_id.get(),
            "span_id": f"{span.span_id:016x}" if span.is_valid else "",
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = _scrubbed(name, value)
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, _ = record.exc_info
            stack, message = "".join(traceback.format_exception(error)), _safe(str, error)[:MAX_TEXT]
            for text, shown in _texts_with_input(error):
                stack, message = stack.replace(text, shown), message.replace(text, shown)
            line["exception"] = {"type": kind.__qualname__, "message": message, "stacktrace": stack[-MAX_TEXT:]}
        if record.stack_info:
            line["stacktrace"] = record.stack_info[-MAX_TEXT:]
        text = _as_json(line).decode()
        secrets = _secrets
        if credentials := context.credentials.get():
            secrets = secrets | {secret: _as_json(secret).decode()[1:-1] for secret in credentials}
        if any(secret in text for secret in secrets.values()):
            everywhere, elsewhere = (sorted(some, key=len, reverse=True) for some in (_secrets, secrets))
            # Masking the text itself could cut a number in two.
            line = {
                name: _masked(value, everywhere if name in _OWN else elsewhere)
                for name, value in json.loads(text).items()
            }
            text = _as_json(line).decode()
        return text


def _texts_with_input(error: BaseException | None) -> Iterator[tuple[str, str]]:
    """Yield the text of each of pydantic's and FastAPI's errors in a chain, which repeats the input, and another."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, PydanticError | FastAPIError):
            places = (".".join(map(str, detail["loc"])) + ": " + detail["type"] for detail in error.errors())
            yield _safe(str, error), "; ".join(places)
        error = error.__cause__ or error.__context__


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that don't fit, or whose text can't be had
        return f"{_safe(str, record.msg)} {_safe(repr, record.args)}"


def _safe(text: Any, value: object) -> str:
    try:
        return str(text(value))
    except Exception:  # noqa: BLE001 - somebody else's __str__
        return f"<{type(value).__name__} without text>"


def _as_json(value: object) -> bytes:
    try:
        return orjson.dumps(value, default=lambda other: _safe(repr, other), option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # orjson refuses integers beyond 64 bits, lone surrogates, circles and what is nested too deeply.
        if isinstance(value, dict):
            plain = (item if isinstance(item, int | str) else _safe(repr, item) for item in value.values())
            return json.dumps(dict(zip(map(str, value), plain, strict=True))).encode()
        return json.dumps(_safe(str, value)).encode()


def _scrubbed(name: object, value: object, depth: int = 0) -> object:
    """Mask what has a secret's name, some dictionaries and lists deep too."""
    if isinstance(name, str) and is_sensitive(name):
        return _MASK
    if depth == _DEPTH or not isinstance(value, _CONTAINERS):
        return value
    if isinstance(value, dict):
        return {key: _scrubbed(key, item, depth + 1) for key, item in value.items()}
    return [_scrubbed(None, item, depth + 1) for item in value]


def _masked(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {_masked(key, secrets): _masked(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    if not isinstance(value, str):
        return value
    for secret in secrets:
        value = value.replace(secret, _MASK)
    return value

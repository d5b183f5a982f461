# The template's: later versions change this file. Yours are listed in pyproject.toml.
import base64
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import orjson
import pytest

from {{ cookiecutter.__package }}.runtime.http.pagination import (
    decode_cursor,
    encode_cursor,
)
from {{ cookiecutter.__package }}.runtime.http.problems import (
    UnprocessableContent,
)

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def cursor(content: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")


def test_a_cursor_leads_back_to_its_position() -> None:
    position = (MOMENT, uuid4())
    assert decode_cursor(encode_cursor(position)) == position
    assert decode_cursor(None) is None


def test_a_cursor_needs_no_escaping_in_an_address() -> None:
    assert encode_cursor((MOMENT, uuid4())).replace("-", "").replace("_", "").isalnum()


def test_a_moment_is_read_in_utc_whatever_its_zone() -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=5)))
    decoded = decode_cursor(cursor([there.isoformat(), str(uuid4())]))
    assert decoded is not None
    assert decoded[0].isoformat() == MOMENT.isoformat()


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "ü",
        "nonsense",
        cursor({"a": 1, "b": 2}),
        cursor([1, 2]),
        cursor(["2026-01-01T00:00:00", str(uuid4())]),
        cursor([MOMENT.isoformat(), "no id"]),
        cursor([MOMENT.isoformat()]),
        # In UTC, that would be before the first year.
        cursor(["0001-01-01T00:00:00+14:00", str(uuid4())]),
        cursor([[[]]] * 3),
    ],
)
def test_what_is_no_cursor_of_ours_is_refused(foreign: str) -> None:
    with pytest.raises(UnprocessableContent) as caught:
        decode_cursor(foreign)
    assert caught.value.errors is not None
    assert caught.value.errors[0].pointer == "/cursor"

# The template's: later versions change this file. Yours are listed in pyproject.toml.
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest

from {{ cookiecutter.__package }}.runtime.http.pagination import (
    decode_cursor,
    encode_cursor,
)
from {{ cookiecutter.__package }}.runtime.http.problems import (
    UnprocessableContent,
)

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def test_a_cursor_leads_back_to_its_position() -> None:
    position = (MOMENT, uuid4())
    assert decode_cursor(encode_cursor(position)) == position
    assert decode_cursor(None) is None


def test_a_cursor_needs_no_escaping_in_an_address() -> None:
    assert encode_cursor((MOMENT, uuid4())).replace("-", "").replace("_", "").isalnum()


def test_a_moment_is_read_in_utc_whatever_its_zone() -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=5)))
    decoded = decode_cursor(encode_cursor((there, uuid4())))
    assert decoded is not None
    assert decoded[0].isoformat() == MOMENT.isoformat()


@pytest.mark.parametrize("form", ["A" * 32, "A" + "_" * 31, "Az-_" * 8])
def test_whatever_has_the_form_is_a_position(form: str) -> None:
    position = decode_cursor(form)
    assert position is not None
    assert encode_cursor(position) == form


@pytest.mark.parametrize(
    "foreign", ["", "ü", "nonsense", "B" * 32, "A" * 31, "A" * 33, "A" * 32 + "\n", "A" * 31 + "="]
)
def test_what_is_no_cursor_of_ours_is_refused(foreign: str) -> None:
    with pytest.raises(UnprocessableContent) as caught:
        decode_cursor(foreign)
    assert caught.value.errors is not None
    assert caught.value.errors[0].pointer == "/cursor"

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""A log line is one JSON object whatever the record holds, and holds no secret."""

import json
import logging
import sys
from typing import Any

import pytest
from fastapi.exceptions import ResponseValidationError
from pydantic import TypeAdapter, ValidationError

from {{ cookiecutter.__package }}.runtime.http import (
    context,
)
from {{ cookiecutter.__package }}.runtime.observability import (
    lines,
)


@pytest.fixture(autouse=True)
def own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_secrets", {})


def formatted(message: object = "Hello", *args: object, exc_info: Any = None, **extra: object) -> dict[str, Any]:
    record = logging.getLogger("test").makeRecord("test", logging.INFO, "", 0, message, args, exc_info, extra=extra)
    text = lines.JsonFormatter("orders", "1.2.3").format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


def raised(error: BaseException) -> Any:
    try:
        raise error
    except BaseException:  # noqa: BLE001 - whatever it is
        return sys.exc_info()


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


def circle() -> dict[str, Any]:
    inner: dict[str, Any] = {}
    inner["self"] = inner
    return inner


def test_it_has_the_fields_that_others_search_by() -> None:
    line = formatted("Hello %s", "you", order=7)
    assert line["timestamp"].endswith("+00:00")
    assert {"level": "INFO", "logger": "test", "message": "Hello you", "order": 7}.items() <= line.items()
    assert {"service": "orders", "version": "1.2.3", "request_id": "", "trace_id": ""}.items() <= line.items()


@pytest.mark.parametrize(
    "value", [object(), Unprintable(), {1, 2}, b"\xff", 2**70, "\ud800", float("nan"), {("a", 1): 1}, circle()]
)
def test_a_value_that_json_has_no_word_for_loses_no_line(value: object) -> None:
    line = formatted("Kept", value=value)
    assert line["message"] == "Kept"
    assert "value" in line


def test_arguments_that_do_not_fit_lose_no_line() -> None:
    assert formatted("%d apples", "many")["message"] == "%d apples ('many',)"


def test_lines_of_a_message_stay_one_line() -> None:
    assert formatted("one\ntwo\u2028three")["message"] == "one\ntwo\u2028three"


def test_an_exception_has_type_message_and_stack() -> None:
    exception = formatted(exc_info=raised(ValueError("out of tea")))["exception"]
    assert exception["type"] == "ValueError"
    assert exception["message"] == "out of tea"
    assert "in raised" in exception["stacktrace"]


def test_of_a_huge_stack_the_end_is_kept() -> None:
    def deep(levels: int) -> None:
        if levels:
            eval("deep(levels - 1)", {"deep": deep, "levels": levels})
        else:
            raise RuntimeError("x" * 100_000)

    try:
        deep(150)
    except RuntimeError:
        exception = formatted(exc_info=sys.exc_info())["exception"]
    assert len(exception["stacktrace"]) == len(exception["message"]) == lines.MAX_TEXT


def test_what_has_a_secrets_name_is_masked_however_deep() -> None:
    line = formatted(db_password="a", request={"headers": [{"Authorization": "b"}], "path": "/"})
    assert line["db_password"] == "***"
    assert line["request"] == {"headers": [{"Authorization": "***"}], "path": "/"}


@pytest.mark.parametrize("secret", ["correct horse", 'quo"te\\d', "ünïcode", "line\nbreak", "1234"])
def test_a_known_secret_is_masked_wherever_it_is(secret: str) -> None:
    lines.add_secret(secret)
    line = formatted(f"With {secret}", exc_info=raised(ValueError(secret)), note=[f"<{secret}>"], number=123456)
    assert line["message"] == "With ***"
    assert line["note"] == ["<***>"]
    assert line["exception"]["message"] == "***"
    assert secret not in line["exception"]["stacktrace"]
    assert line["number"] == 123456


def test_the_password_of_a_url_is_masked_with_and_without_its_percent_signs() -> None:
    lines.add_secret("postgresql://user:p%40ssword@host/db")
    assert formatted("p%40ssword or p@ssword for user at host")["message"] == "*** or *** for user at host"


def test_a_secret_too_short_to_be_one_masks_nothing() -> None:
    lines.add_secret("abc")
    assert formatted("abc")["message"] == "abc"


@pytest.mark.parametrize(
    ("secret", "shown"),
    [("Bearer a-canary", "refused a-canary"), ("redis://host/0?password=a-canary", "password 'a-canary'")],
)
def test_what_is_secret_within_a_secret_is_masked_by_itself(secret: str, shown: str) -> None:
    lines.add_secret(secret)
    assert "canary" not in str(formatted(shown))
    assert "0" not in lines._secrets


def test_nobody_hides_an_address_by_sending_it_as_a_credential() -> None:
    context.identify([(b"cookie", b"mine=203.0.113.7; client_address=client_address")])
    line = formatted("refused 203.0.113.7", client_address="203.0.113.7")
    assert line["client_address"] == "203.0.113.7"
    assert line["message"] == "refused ***"


@pytest.mark.parametrize("query", [b"access_token=a-canary", b"q=1&API_KEY=a%2Dcanary&q=2"])
def test_a_secret_of_the_query_is_masked_in_the_lines_of_its_request(query: bytes) -> None:
    context.identify([], query)
    assert formatted("refused a-canary")["message"] == "refused ***"
    # The twin: what is no secret by its name.
    context.identify([], b"q=a-canary")
    assert formatted("refused a-canary")["message"] == "refused a-canary"


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer a-canary"),
        (b"cookie", b"session=a-canary; theme=dark"),
        (b"cookie", b"theme=dark; session=a-canary"),
        (b"x-api-key", b"a-canary"),
    ],
)
def test_a_callers_credentials_are_masked_in_the_lines_of_its_request(header: tuple[bytes, bytes]) -> None:
    context.identify([header])
    assert formatted("refused a-canary")["message"] == "refused ***"
    # The twin: those of one request are not another's.
    context.identify([(b"x-other", b"a-canary")])
    assert formatted("refused a-canary")["message"] == "refused a-canary"


SENT = "a-canary"
"""Not in a line that a stack would show as source."""


def wrong_model() -> BaseException:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(dict[str, int]).validate_python({"number": SENT})
    return caught.value


def wrong_answer() -> BaseException:
    return ResponseValidationError([{"type": "int_parsing", "loc": ("number",), "msg": "wrong", "input": SENT}])


@pytest.mark.parametrize("make", [wrong_model, wrong_answer])
def test_of_a_models_error_the_places_are_kept_and_not_the_input(make: Any) -> None:
    error = make()
    assert SENT in str(error)
    outer = RuntimeError("around it")
    outer.__cause__ = error
    for shown in (error, outer):
        line = formatted(exc_info=raised(shown))
        assert "canary" not in str(line)
        assert "number: int_parsing" in line["exception"]["stacktrace"]

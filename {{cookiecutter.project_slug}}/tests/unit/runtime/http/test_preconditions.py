# The template's: later versions change this file. Yours are listed in pyproject.toml.
import pytest

from {{ cookiecutter.__package }}.runtime.http.preconditions import (
    etag,
    none_match,
    require_match,
)
from {{ cookiecutter.__package }}.runtime.http.problems import (
    PreconditionFailed,
    PreconditionRequired,
)


@pytest.mark.parametrize("header", ['"7"', '"6", "7"', "*", " * ", etag(7)])
def test_if_match_accepts_the_version_there_is(header: str) -> None:
    require_match(header, 7)


@pytest.mark.parametrize("header", ['"6"', '"70"', "7", 'W/"7"', '""', "", '"*"'])
def test_if_match_refuses_any_other_and_a_weak_one(header: str) -> None:
    with pytest.raises(PreconditionFailed):
        require_match(header, 7)


def test_if_match_must_be_there() -> None:
    with pytest.raises(PreconditionRequired):
        require_match(None, 7)


@pytest.mark.parametrize("header", ['"7"', 'W/"7"', '"6", W/"7"', "*"])
def test_if_none_match_knows_the_version_weak_or_strong(header: str) -> None:
    assert none_match(header, 7)


@pytest.mark.parametrize("header", [None, "", '"6"', "7", '"*"'])
def test_if_none_match_knows_no_other(header: str | None) -> None:
    assert not none_match(header, 7)

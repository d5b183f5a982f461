"""The page of what was measured in faults: whole, and as the run writes it."""

import pytest

from support.resilience import DOCUMENT, NUMBERS, Row, Table, missing, parse, render

ROWS = tuple(Row(number, "fault | of it", "pass line", "1 s", "> 10 s, given up") for number in NUMBERS)
TABLE = Table("2026-01-02", "2 processors, Python 3.11.7", ROWS)


def test_what_was_written_is_read_back() -> None:
    assert parse(render(TABLE)) == TABLE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("> 10 s, given up |", "> 10 s | given up"),
        ("| 3 | fault", "|3| fault"),
        ("Measured on", "Made on"),
        ("\n|", "\n\n|"),
    ],
)
def test_what_was_written_by_hand_is_none_of_it(old: str, new: str) -> None:
    text = render(TABLE)
    assert old in text
    with pytest.raises((ValueError, TypeError)):
        parse(text.replace(old, new, 1))


def test_the_page_has_all_twelve() -> None:
    assert missing(parse(DOCUMENT.read_text()).rows) == []
    assert missing(ROWS[:2] + ROWS[4:]) == [3, 4]

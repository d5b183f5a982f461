"""Answers that can't work are refused before anything is written, all at once."""

import subprocess

import pytest
from tests_types import Bake


@pytest.mark.parametrize(
    "answers",
    [
        {"project_slug": "ab"},
        {"project_slug": "a" * 41},
        {"project_slug": "1abc"},
        {"project_slug": "Orders"},
        {"project_slug": "a--b"},
        {"project_slug": "orders-"},
        {"project_slug": "redis"},
        {"project_slug": "class"},
        {"project_slug": "asyncio"},
        {"owner": "two words"},
        {"image_registry": "https://ghcr.io/example"},
        {"image_registry": "ghcr.io/Example"},
        {"description": "two\nlines"},
        {"project_name": "x" * 121, "project_slug": "orders"},
    ],
    ids=str,
)
def test_a_wrong_answer_is_refused_by_name(bake: Bake, answers: dict[str, str]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        bake(**answers)
    for name in answers:
        assert name in raised.value.stderr or name == "project_slug"


def test_all_problems_are_told_at_once(bake: Bake) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        bake(project_slug="A", owner="two words", image_registry="http://x")
    for name in ("project_slug", "owner", "image_registry"):
        assert name in raised.value.stderr

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The documents that are made from the settings are current."""

from pathlib import Path

from {{ cookiecutter.__package }}.runtime import (
    reference,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

ROOT = Path(__file__).parents[2]


def test_the_reference_is_current_or_make_docs_was_forgotten() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference.as_markdown(Settings)
    assert (ROOT / ".env.example").read_text() == reference.as_env(Settings)


def test_another_setting_makes_another_reference() -> None:
    class More(Settings):
        greeting: str = "hello"

    assert reference.as_markdown(More) != reference.as_markdown(Settings)
    assert reference.as_env(More) != reference.as_env(Settings)

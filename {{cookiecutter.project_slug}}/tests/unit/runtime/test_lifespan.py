# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What is told when a service can't start."""

from pathlib import Path

import pytest

from {{ cookiecutter.__package }}.runtime import (
    lifespan,
)
from {{ cookiecutter.__package }}.runtime.state import (
    State,
)

from support.server import misbehaving, settings_in


async def test_what_keeps_it_from_starting_is_logged_once_with_its_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("no disk")

    monkeypatch.setattr(lifespan, "Database", broken)
    app = misbehaving(settings_in(tmp_path), State())
    with pytest.raises(RuntimeError, match="no disk"):
        async with app.router.lifespan_context(app):
            pass
    (record,) = caplog.records
    assert record.levelname == "CRITICAL"
    assert record.exc_info

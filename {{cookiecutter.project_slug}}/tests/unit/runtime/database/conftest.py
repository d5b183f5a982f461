# The template's: later versions change this file. Yours are listed in pyproject.toml.
from collections.abc import AsyncIterator

import pytest

from {{ cookiecutter.__package }}.runtime.database.engine import (
    Database,
)
from {{ cookiecutter.__package }}.runtime.sections import (
    DatabaseSettings,
)


@pytest.fixture
async def empty_database(empty_database_url: str) -> AsyncIterator[Database]:
    database = Database(DatabaseSettings(), lambda: empty_database_url, "test")
    yield database
    await database.close()

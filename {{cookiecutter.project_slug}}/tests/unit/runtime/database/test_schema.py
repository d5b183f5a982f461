# The template's: later versions change this file. Yours are listed in pyproject.toml.
import shutil
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from {{ cookiecutter.__package }}.runtime.database.engine import (
    Database,
)
from {{ cookiecutter.__package }}.runtime.database.migrate import (
    migrate,
)
from {{ cookiecutter.__package }}.runtime.database.schema import (
    known_revisions,
    schema_is_current,
    wait_for_schema,
)
from {{ cookiecutter.__package }}.runtime.sections import (
    DatabaseSettings,
)

from support.migrations import alembic, config, connected, start

on_postgresql = pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """Return a copy of the migrations, with a fork in them, and one written as newer versions of Alembic do."""
    directory = tmp_path / "migrations"
    shutil.copytree("migrations", directory)
    (head,) = ScriptDirectory.from_config(config()).get_heads()
    for revision in ("left", "right"):
        lines = [f'revision: str = "{revision}"', f'down_revision: str | None = "{head}"']
        (directory / f"versions/{revision}.py").write_text("\n".join(lines))
    return directory


def as_alembic_has_it(directory: Path) -> tuple[set[str], set[str]]:
    script = ScriptDirectory.from_config(config(str(directory)))
    return set(script.get_heads()), {revision.revision for revision in script.walk_revisions()}


def test_the_revisions_are_those_that_alembic_finds(migrations: Path) -> None:
    assert known_revisions(Path("migrations")) == as_alembic_has_it(Path("migrations"))
    assert known_revisions(migrations) == as_alembic_has_it(migrations)
    assert known_revisions(migrations)[0] == {"left", "right"}


def test_a_merge_is_the_newest_of_what_it_merges(migrations: Path) -> None:
    merge = 'revision = "merged"\ndown_revision = (\n    "left",\n    "right",\n)\n'
    (migrations / "versions/merged.py").write_text(merge)
    assert known_revisions(migrations)[0] == {"merged"}
    assert known_revisions(migrations) == as_alembic_has_it(migrations)


async def test_a_schema_is_current_at_the_newest_revision_and_ahead_of_it(
    empty_database: Database, empty_database_url: str
) -> None:
    assert not await schema_is_current(empty_database)
    alembic(empty_database_url, command.upgrade, "head")
    assert await schema_is_current(empty_database)
    alembic(empty_database_url, command.downgrade, "-1")
    assert not await schema_is_current(empty_database)
    with connected(empty_database_url) as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('of a later release')"))
        connection.commit()
    assert await schema_is_current(empty_database)


@on_postgresql
def test_wait_for_schema_ends_once_it_is_migrated(empty_database_url: str) -> None:
    waiting = start(empty_database_url, "wait-for-schema", "--timeout", "60")
    assert waiting.stdout is not None
    assert "The schema is behind" in waiting.stdout.readline()
    migrate(DatabaseSettings(), empty_database_url)
    printed, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert "The schema is current" in printed


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_wait_for_schema_fails_in_the_end(empty_database_url: str) -> None:
    waiting = start(empty_database_url, "wait-for-schema", "--timeout", "0.1")
    printed, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert "The schema was not current within 0.1 s" in printed


@pytest.mark.parametrize("url", ["postgresql://user@127.0.0.1:1/name"])
def test_a_database_that_does_not_answer_is_no_schema(url: str) -> None:
    assert not wait_for_schema(DatabaseSettings(), url, 0.1)

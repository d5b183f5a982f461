# The template's: later versions change this file. Yours are listed in pyproject.toml.
import json
from pathlib import Path

from dotenv import dotenv_values
from pydantic import Field

from {{ cookiecutter.__package }}.runtime import (
    reference,
)
from {{ cookiecutter.__package }}.runtime.config import (
    RuntimeSettings,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    load_settings,
    variables,
)


class Settings(RuntimeSettings):
    greeting: str = Field("hello | goodbye", description="What is said | shouted.")
    token: str = Field(description="Needed.")


NAMES = [variable for variable, _, _ in variables(Settings)]


def test_each_variable_is_in_each_form() -> None:
    markdown, env = reference.as_markdown(Settings), reference.as_env(Settings)
    assert len(NAMES) == len(set(NAMES)) > 40
    for name in NAMES:
        assert f"| `{name}` |" in markdown
        assert f"#{name}=" in env


def test_each_setting_of_the_runtime_is_described() -> None:
    assert [name for name, _, field in variables(RuntimeSettings) if not field.description] == []


def test_a_table_keeps_its_columns() -> None:
    (row,) = (line for line in reference.as_markdown(Settings).splitlines() if "GREETING" in line)
    assert row == r"| `APP_GREETING` | What is said \| shouted. | `hello \| goodbye` |"


def test_what_has_no_default_says_that_it_is_needed() -> None:
    (row,) = (line for line in reference.as_markdown(Settings).splitlines() if "TOKEN" in line)
    assert row == "| `APP_TOKEN` | Needed. | required |"
    assert "#APP_TOKEN=\n" in reference.as_env(Settings)


def test_the_env_file_holds_defaults_that_load(tmp_path: Path) -> None:
    lines = [line for line in reference.as_env(RuntimeSettings).splitlines() if not line.startswith("# ")]
    (tmp_path / ".env").write_text("\n".join(line.removeprefix("#") for line in lines))
    environ = {name: value or "" for name, value in dotenv_values(tmp_path / ".env").items()}
    del environ["APP_SECRETS_DIR"]
    assert load_settings(RuntimeSettings, environ) == load_settings(RuntimeSettings, {})


def test_the_json_schema_describes_the_variables() -> None:
    schema = json.loads(reference.as_json_schema(Settings))
    assert list(schema["properties"]) == NAMES
    assert schema["required"] == ["APP_TOKEN"]
    assert schema["properties"]["APP_ADMIN__PORT"]["maximum"] == 65535
    assert schema["properties"]["DATABASE_URL"]["default"] == "sqlite:///var/service.db"

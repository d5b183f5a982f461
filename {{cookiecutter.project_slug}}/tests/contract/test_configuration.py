from pathlib import Path

import pytest

from {{ cookiecutter.__package }}.runtime import (
    reference,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    ConfigurationError,
    load_settings,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

ROOT = Path(__file__).parents[2]


def test_the_reference_is_current_or_make_docs_was_forgotten() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference.as_markdown(Settings)
    assert (ROOT / ".env.example").read_text() == reference.as_env(Settings)


def test_every_wrong_variable_is_named_at_once_and_no_value_shown() -> None:
    environ = {
        "PORT": "canary",
        "DATABASE_URL": "mysql://user:canary@host/name",
        "APP_HTTP__MAX_IN_FLIGHT": "0",
        "APP_DATABASE__POOL_SIZ": "canary",
    }
    with pytest.raises(ConfigurationError) as raised:
        load_settings(Settings, environ)
    assert set(raised.value.problems) == set(environ)
    assert "APP_DATABASE__POOL_SIZE" in raised.value.problems["APP_DATABASE__POOL_SIZ"]
    assert "canary" not in raised.value.line()


def test_waits_that_form_no_ladder_are_refused() -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_settings(Settings, {"APP_DATABASE__STATEMENT_TIMEOUT": "9"})
    assert set(raised.value.problems) == {"APP_DATABASE__STATEMENT_TIMEOUT"}


def test_a_secret_is_read_again_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "DATABASE_URL"
    file.write_text("postgresql://user:old@host/name\n")
    settings = load_settings(Settings, {"APP_SECRETS_DIR": str(tmp_path)})
    file.write_text("postgresql://user:new@host/name\n")
    assert settings.current_secret("DATABASE_URL") == "postgresql://user:new@host/name"


def test_nobody_may_trust_everybody() -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_settings(Settings, {"APP_HTTP__FORWARDED_ALLOW_IPS": "10.0.0.0/8, 0.0.0.0/0"})
    assert set(raised.value.problems) == {"APP_HTTP__FORWARDED_ALLOW_IPS"}

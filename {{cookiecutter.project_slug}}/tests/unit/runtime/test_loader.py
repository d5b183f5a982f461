# The template's: later versions change this file. Yours are listed in pyproject.toml.
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from {{ cookiecutter.__package }}.runtime.config import (
    RuntimeSettings,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    ConfigurationError,
    load_settings,
    secret_values,
)
from {{ cookiecutter.__package }}.runtime.sections import (
    Section,
)


class Mail(Section):
    host: str
    password: SecretStr = SecretStr("")
    ports: list[int] = Field([25])


class Settings(RuntimeSettings):
    """What a team may add."""

    mail: Mail
    tags: list[str] = Field([])
    greeting: str = "hello"


MAIL = {"APP_MAIL__HOST": "mail"}


def wrong(**environ: str) -> dict[str, str]:
    """Return what is wrong with an environment."""
    with pytest.raises(ConfigurationError) as raised:
        load_settings(Settings, environ)
    assert "canary" not in raised.value.line()
    return raised.value.problems


def test_every_wrong_variable_is_named_at_once_and_no_value_shown() -> None:
    environ = {
        "PORT": "canary",
        "DATABASE_URL": "mysql://user:canary@host/name",
        "APP_HTTP__MAX_IN_FLIGHT": "0",
        "APP_HTTP__FORWARDED_ALLOW_IPS": "canary",
        "APP_MAIL__PORTS": "[25, canary",
        "APP_TAGS": "canary",
        "APP_DATABASE__POOL_SIZ": "canary",
    }
    problems = wrong(**environ)
    assert set(problems) == {*environ, "APP_MAIL__HOST"}
    assert problems["APP_MAIL__HOST"] == "Field required"
    assert problems["APP_MAIL__PORTS"] == "is not valid JSON"


def test_a_section_that_is_missing_is_told_by_its_variables() -> None:
    assert wrong() == {"APP_MAIL__HOST": "Field required"}


@pytest.mark.parametrize(
    ("unknown", "nearest"), [("APP_GREETINGS", "APP_GREETING"), ("APP_DATABASE__POOL_SIZ", "APP_DATABASE__POOL_SIZE")]
)
def test_an_unknown_variable_is_told_with_the_nearest_known_one(unknown: str, nearest: str) -> None:
    assert wrong(**MAIL, **{unknown: "x"})[unknown] == f"is not a setting; did you mean {nearest}?"


def test_a_variable_like_no_other_is_told_with_where_all_are_listed() -> None:
    assert "docs/configuration.md" in wrong(**MAIL, APP_ZZZ="x")["APP_ZZZ"]


def test_other_programs_variables_are_none_of_ours() -> None:
    load_settings(Settings, MAIL | {"HOME": "/", "KUBERNETES_PORT": "tcp://10.0.0.1:443"})


def test_an_empty_variable_is_an_unset_one() -> None:
    assert load_settings(Settings, MAIL | {"PORT": "", "REDIS_URL": ""}).port == 8000


def test_values_arrive_as_their_types() -> None:
    environ = {"APP_MAIL__PORTS": "[1, 2]", "APP_TAGS": '["a"]', "APP_LOG__ACCESS": "off"}
    settings = load_settings(Settings, MAIL | environ)
    assert (settings.mail.ports, settings.tags, settings.log.access) == ([1, 2], ["a"], "off")


def secrets(folder: Path, **files: str) -> dict[str, str]:
    """Write a secret as Kubernetes mounts it: each file a link into a folder that the next version replaces."""
    version = folder / "..2026_01_01"
    version.mkdir()
    (folder / "..data").symlink_to(version.name)
    for name, text in files.items():
        (version / name).write_text(text)
        (folder / name).symlink_to(f"..data/{name}")
    return MAIL | {"APP_SECRETS_DIR": str(folder)}


def test_a_variable_may_be_a_file_and_the_environment_wins(tmp_path: Path) -> None:
    environ = secrets(tmp_path, DATABASE_URL="sqlite:///file\n", APP_MAIL__PASSWORD="file", APP_GREETING="file")
    settings = load_settings(Settings, environ | {"APP_GREETING": "environment"})
    assert settings.current_secret("DATABASE_URL") == "sqlite:///file"
    assert (settings.mail.password.get_secret_value(), settings.greeting) == ("file", "environment")


def test_a_secret_is_read_again_from_its_file(tmp_path: Path) -> None:
    settings = load_settings(Settings, secrets(tmp_path, DATABASE_URL="sqlite:///old"))
    (tmp_path / "DATABASE_URL").write_text("sqlite:///new\n")
    assert settings.current_secret("DATABASE_URL") == "sqlite:///new"
    (tmp_path / "DATABASE_URL").unlink()
    assert settings.current_secret("DATABASE_URL") == "sqlite:///old"


def test_a_file_is_held_to_the_same_rules(tmp_path: Path) -> None:
    assert set(wrong(**secrets(tmp_path, APP_GREETINGS="canary", PORT="canary"))) == {"APP_GREETINGS", "PORT"}


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    environ = secrets(tmp_path)
    (tmp_path / "REDIS_URL").write_bytes(b"\xff")
    assert set(wrong(**environ)) == {"REDIS_URL"}


def test_a_secrets_folder_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    assert wrong(**MAIL, APP_SECRETS_DIR=str(tmp_path / "nowhere")) == {"APP_SECRETS_DIR": "names no folder"}


def test_a_dotenv_file_counts_only_where_it_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("APP_GREETING=file\nPORT=1\n")
    local = load_settings(Settings, MAIL | {"APP_ENV": "local", "PORT": "2"})
    assert (local.greeting, local.port) == ("file", 2)
    assert load_settings(Settings, MAIL).greeting == "hello"


def test_all_secrets_are_known_to_whoever_masks_them() -> None:
    environ = MAIL | {"APP_MAIL__PASSWORD": "one", "REDIS_URL": "redis://:two@host"}
    assert {"one", "redis://:two@host"} <= set(secret_values(load_settings(Settings, environ)))

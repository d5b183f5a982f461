# The template's: later versions change this file. Yours are listed in pyproject.toml.
import pytest
from pydantic import ValidationError

from {{ cookiecutter.__package }}.runtime.config import (
    RuntimeSettings,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    ConfigurationError,
    load_settings,
)


def wrong(**environ: str) -> dict[str, str]:
    """Return what is wrong with an environment."""
    with pytest.raises(ConfigurationError) as raised:
        load_settings(RuntimeSettings, environ)
    return raised.value.problems


def test_without_any_variable_there_is_a_configuration() -> None:
    settings = load_settings(RuntimeSettings, {})
    assert (settings.env, settings.port, settings.redis_url) == ("production", 8000, None)


def test_by_default_a_silent_cache_costs_a_request_less_than_half_a_second() -> None:
    redis = load_settings(RuntimeSettings, {}).redis
    assert redis.connect_timeout + redis.timeout < 0.5


def test_settings_never_change() -> None:
    settings = load_settings(RuntimeSettings, {})
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.http.docs = True  # type: ignore[misc]


@pytest.mark.parametrize(("env", "docs", "on"), [("local", "", True), ("test", "", False), ("test", "true", True)])
def test_the_docs_are_on_where_asked_for_or_local(env: str, docs: str, on: bool) -> None:
    assert load_settings(RuntimeSettings, {"APP_ENV": env, "APP_HTTP__DOCS": docs}).docs_enabled == on


@pytest.mark.parametrize(
    "variable",
    [
        "APP_DATABASE__STATEMENT_TIMEOUT",
        "APP_DATABASE__POOL_TIMEOUT",
        "APP_DATABASE__CONNECT_TIMEOUT",
        "APP_HTTP__REQUEST_TIMEOUT",
    ],
)
def test_waits_that_form_no_ladder_are_refused(variable: str) -> None:
    value = "1" if variable == "APP_HTTP__REQUEST_TIMEOUT" else "9"
    assert len(wrong(**{variable: value})) == 1


def test_nobody_may_trust_everybody() -> None:
    assert set(wrong(APP_HTTP__FORWARDED_ALLOW_IPS="10.0.0.0/8, 0.0.0.0/0")) == {"APP_HTTP__FORWARDED_ALLOW_IPS"}


def test_networks_are_a_list_with_commas() -> None:
    settings = load_settings(RuntimeSettings, {"APP_HTTP__FORWARDED_ALLOW_IPS": "10.0.0.0/8, fd00::/8"})
    assert [str(network) for network in settings.http.forwarded_allow_ips] == ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://user:canary@host/name"),
        ("DATABASE_URL", "postgresql://user:can#ary@host/name"),
        ("DATABASE_URL", "postgresql:///name"),
        ("REDIS_URL", "host:6379"),
        ("REDIS_URL", "redis://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
    ],
)
def test_an_address_that_is_none_is_refused_and_not_shown(variable: str, value: str) -> None:
    problems = wrong(**{variable: value})
    assert set(problems) == {variable}
    assert value not in problems[variable]
    assert "canary" not in problems[variable]


def test_a_dependency_that_is_not_there_cannot_be_hard() -> None:
    assert set(wrong(APP_READINESS_HARD_DEPENDENCIES="redis")) == {"APP_READINESS_HARD_DEPENDENCIES"}
    both = {"APP_READINESS_HARD_DEPENDENCIES": "database,redis", "REDIS_URL": "redis://host"}
    assert load_settings(RuntimeSettings, both).readiness_hard_dependencies == ("database", "redis")


def test_the_guard_needs_both_of_its_variables() -> None:
    assert list(wrong(APP_AUTH__ISSUER="https://issuer.example")) == ["APP_AUTH__AUDIENCE"]
    assert list(wrong(APP_AUTH__AUDIENCE="orders")) == ["APP_AUTH__ISSUER"]
    both = {"APP_AUTH__ISSUER": "https://issuer.example/realms/a", "APP_AUTH__AUDIENCE": "orders"}
    assert load_settings(RuntimeSettings, both).auth.issuer == "https://issuer.example/realms/a"


@pytest.mark.parametrize(
    ("issuer", "env", "good"),
    [
        ("https://issuer.example", "production", True),
        ("http://issuer.example", "production", False),
        ("http://issuer.example", "local", True),
        ("http://127.0.0.1:8080", "production", True),
        ("http://localhost:8080", "production", True),
        ("http://[::1]:8080", "production", True),
        ("http://127.0.0.1.issuer.example", "production", False),
        ("https://user@issuer.example", "production", False),
        ("https://issuer.example?x=1", "production", False),
        ("https://issuer.example#x", "production", False),
        ("https://issuer.example:port", "production", False),
        ("issuer.example", "local", False),
        ("ftp://issuer.example/keys", "local", False),
    ],
)
def test_an_issuer_is_reached_in_safety_or_on_this_machine(issuer: str, env: str, good: bool) -> None:
    variables = {"APP_AUTH__ISSUER": issuer, "APP_AUTH__AUDIENCE": "orders", "APP_ENV": env}
    if good:
        assert load_settings(RuntimeSettings, variables).auth.issuer == issuer
    else:
        assert list(wrong(**variables)) == ["APP_AUTH__ISSUER"]

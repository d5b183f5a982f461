# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The runtime's settings. Names: those that the world knows stay, the rest begin with APP_ and nest with __."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from .sections import (
    AdminSettings,
    AuthSettings,
    DatabaseSettings,
    HttpSettings,
    LogSettings,
    Port,
    RateLimitSettings,
    RedisSettings,
    ShutdownSettings,
    split,
)

Dependency = Literal["database", "redis"]


class RuntimeSettings(BaseSettings):
    """Read once at the start and never changed. Build it with `loader.load_settings`, which names what is wrong."""

    model_config = SettingsConfigDict(
        env_prefix="APP_", env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    env: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")] = Field(
        "production",
        description="The deployment's name, for telemetry. `local` also reads `.env` and serves the API docs.",
    )
    host: str = Field("0.0.0.0", description="Address on which the service listens.")  # noqa: S104 - a pod is reached from outside
    port: Port = Field(8000, validation_alias="PORT", description="Port on which the service listens.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", validation_alias="LOG_LEVEL", description="The least level that is logged."
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite:///var/service.db"),
        validation_alias="DATABASE_URL",
        description="`postgresql://user:password@host/name`, or `sqlite:///path` for one replica.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias="REDIS_URL",
        description="`redis://` or `rediss://`. Unset: the cache lives in the process.",
    )
    readiness_hard_dependencies: Annotated[tuple[Dependency, ...], NoDecode] = Field(
        (), description="`database`, `redis`: readiness fails with them. Unset: the pod stays ready and answers 503."
    )
    revision: str = Field("unknown", description="The commit from which the image was built.")
    secrets_dir: Path = Field(
        Path("/run/secrets/app"),
        description="Folder of files named like variables; read again for each new connection.",
    )
    admin: AdminSettings = AdminSettings()
    auth: AuthSettings = AuthSettings()
    database: DatabaseSettings = DatabaseSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    rate_limit: RateLimitSettings = RateLimitSettings()
    redis: RedisSettings = RedisSettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    otel_sdk_disabled: bool = Field(False, validation_alias="OTEL_SDK_DISABLED", description="Turns tracing off.")
    otel_service_name: str | None = Field(
        None, validation_alias="OTEL_SERVICE_NAME", description="Unset: the name in pyproject.toml."
    )
    otel_traces_exporter: Literal["otlp", "none"] = Field(
        "otlp", validation_alias="OTEL_TRACES_EXPORTER", description="`none` turns tracing off."
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="The collector's OTLP/HTTP address, `http://host:4318`. Unset: no tracing, at no cost.",
    )
    otel_exporter_otlp_traces_endpoint: str | None = Field(
        None,
        validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        description="The same for traces alone, with its path: `http://host:4318/v1/traces`.",
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        None,
        validation_alias="OTEL_EXPORTER_OTLP_HEADERS",
        description="Headers for the collector: `key=value,key=value`.",
    )

    _secret_files: dict[str, Path] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the loader alone: the constructor itself reads no environment."""
        return (init_settings,)

    @field_validator("readiness_hard_dependencies", mode="before")
    @classmethod
    def _dependencies(cls, value: object) -> object:
        return split(value)

    @field_validator("database_url")
    @classmethod
    def _database_scheme(cls, url: SecretStr) -> SecretStr:
        return _with_scheme(url, ("postgresql", "postgres", "sqlite"))

    @field_validator("redis_url")
    @classmethod
    def _redis_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        return url and _with_scheme(url, ("redis", "rediss"))

    @field_validator("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint")
    @classmethod
    def _endpoint_scheme(cls, url: str | None) -> str | None:
        return url and _with_scheme(SecretStr(url), ("http", "https")).get_secret_value()

    @model_validator(mode="after")
    def _waits_form_a_ladder(self) -> Self:
        ladder = (
            ("APP_HTTP__REQUEST_TIMEOUT", self.http.request_timeout),
            ("APP_DATABASE__STATEMENT_TIMEOUT", self.database.statement_timeout),
            ("APP_DATABASE__POOL_TIMEOUT", self.database.pool_timeout),
            ("APP_DATABASE__CONNECT_TIMEOUT", self.database.connect_timeout),
        )
        for (outer, longer), (inner, shorter) in pairwise(ladder):
            if shorter >= longer:
                raise PydanticCustomError(
                    "ladder", "must be shorter than {outer}, inside which it waits", {"variable": inner, "outer": outer}
                )
        if "redis" in self.readiness_hard_dependencies and self.redis_url is None:
            raise PydanticCustomError(
                "dependency", "names redis, but REDIS_URL is not set", {"variable": "APP_READINESS_HARD_DEPENDENCIES"}
            )
        return self

    @model_validator(mode="after")
    def _guard_is_whole(self) -> Self:
        given = {"APP_AUTH__ISSUER": self.auth.issuer, "APP_AUTH__AUDIENCE": self.auth.audience}
        missing = [variable for variable, value in given.items() if value is None]
        if len(missing) == 1:
            raise PydanticCustomError("auth", "is missing: the guard needs both variables", {"variable": missing[0]})
        if self.auth.issuer is not None and self.env != "local":
            parts = urlsplit(self.auth.issuer)
            if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
                raise PydanticCustomError(
                    "issuer_scheme",
                    "must begin with https://; http:// is for this machine itself, and for where APP_ENV is local",
                    {"variable": "APP_AUTH__ISSUER"},
                )
        return self

    @property
    def docs_enabled(self) -> bool:
        return self.env == "local" if self.http.docs is None else self.http.docs

    def current_secret(self, variable: Literal["DATABASE_URL", "REDIS_URL"]) -> str:
        """Return a secret as its mounted file has it now, so that a rotated one reaches the next connection.

        Falls back to the value read at the start where the file is gone, as it is for a moment in a rotation.
        """
        path = self._secret_files.get(variable)
        if path is not None:
            try:
                return path.read_text().strip()
            except OSError:
                pass
        value = self.database_url if variable == "DATABASE_URL" else self.redis_url
        return value.get_secret_value() if value else ""


def _with_scheme(url: SecretStr, schemes: tuple[str, ...]) -> SecretStr:
    """Check a URL's form without ever naming its value, which may hold a password."""
    try:
        parts = urlsplit(url.get_secret_value())
        scheme, _ = parts.scheme.partition("+")[0], parts.port
    except ValueError:
        raise PydanticCustomError(
            "url", "is not a URL; a password's special characters must be percent-encoded"
        ) from None
    if scheme not in schemes:
        raise PydanticCustomError(
            "url_scheme", "must begin with {schemes}", {"schemes": " or ".join(f"{name}://" for name in schemes)}
        )
    if scheme != "sqlite" and not parts.hostname:
        raise PydanticCustomError("url_host", "names no host")
    return url

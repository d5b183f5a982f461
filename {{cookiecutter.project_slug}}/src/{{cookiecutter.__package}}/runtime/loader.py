# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since pydantic-settings names fields and not variables, and shows values: reads and checks the settings."""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson
from dotenv import dotenv_values
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource, SettingsError

from .config import RuntimeSettings

EX_CONFIG = 78
"""Exit code of a process whose configuration is wrong (sysexits.h)."""

SettingsT = TypeVar("SettingsT", bound=RuntimeSettings)
Known = Mapping[str, tuple[tuple[str, ...], FieldInfo]]
"""Each variable with its field's location in the model and the field."""


class ConfigurationError(Exception):
    """The settings can't be used. `problems` maps each wrong variable to what is wrong, and holds no value of any."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{variable}: {problem}" for variable, problem in problems.items()))
        self.problems = dict(problems)

    def line(self) -> str:
        return orjson.dumps(
            {"level": "CRITICAL", "message": "The configuration is not valid.", "problems": self.problems}
        ).decode()


class _MappingSource(EnvSettingsSource):
    def __init__(self, settings_cls: type[RuntimeSettings], variables: Mapping[str, str]) -> None:
        self._variables = variables
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._variables.items()}


def variables(cls: type[BaseModel], prefix: str = "APP_") -> Iterator[tuple[str, tuple[str, ...], FieldInfo]]:
    """Yield each variable with its field's location in the model and the field."""
    for name, field in cls.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            for variable, location, inner in variables(field.annotation, f"{prefix}{name.upper()}__"):
                yield variable, (name, *location), inner
        else:
            alias = field.validation_alias
            yield (alias, (alias,), field) if isinstance(alias, str) else (prefix + name.upper(), (name,), field)


def load_settings(cls: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """Read the environment, then the secrets folder, then `.env` where APP_ENV is local; the first that has it wins.

    Raises:
        ConfigurationError: naming every variable that is wrong or unknown.
    """
    # An empty variable is an unset one, as Compose and many shells leave it.
    environ = {name: value for name, value in (os.environ if environ is None else environ).items() if value != ""}
    known = {variable: (location, field) for variable, location, field in variables(cls)}
    files, problems = _secret_files(environ, known)
    merged = {name: text for name, (_, text) in files.items()} | environ
    if environ.get("APP_ENV") == "local":
        merged = {name: value for name, value in dotenv_values(".env").items() if value is not None} | merged
    merged = {name: value for name, value in merged.items() if value != ""}
    for name in merged:
        if name.startswith("APP_") and name not in known:
            problems[name] = "is not a setting" + _nearest(name, known)
    given = {name: merged[name] for name in known if name in merged}
    for name in list(given):
        try:
            _MappingSource(cls, {name: given[name]})()
        except SettingsError:
            problems[name] = "is not valid JSON"
            del given[name]
    try:
        settings = cls(**_MappingSource(cls, given)())
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False):
            problems = dict.fromkeys(_wrong(detail, known), detail["msg"]) | problems
    else:
        if not problems:
            settings._secret_files.update({name: path for name, (path, _) in files.items() if name not in environ})
            return settings
    raise ConfigurationError(problems)


def _secret_files(environ: Mapping[str, str], known: Known) -> tuple[dict[str, tuple[Path, str]], dict[str, str]]:
    folder = Path(environ.get("APP_SECRETS_DIR") or known["APP_SECRETS_DIR"][1].default)
    if not folder.is_dir():
        return {}, {"APP_SECRETS_DIR": "names no folder"} if environ.get("APP_SECRETS_DIR") else {}
    files: dict[str, tuple[Path, str]] = {}
    problems: dict[str, str] = {}
    for path in folder.iterdir():
        if path.name in known or path.name.startswith("APP_"):
            try:
                files[path.name] = (path, path.read_text().strip())
            except (OSError, UnicodeDecodeError):
                problems[path.name] = f"can't be read as text from {folder}"
    return files, problems


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else "; docs/configuration.md lists them all"


def _wrong(error: Mapping[str, Any], known: Known) -> list[str]:
    """Return the variables that an error is about."""
    location = error["loc"]
    if not location:
        # An error of several fields says itself which one to change.
        return [error.get("ctx", {}).get("variable", "APP_*")]
    # An item of a list is reported under its index; the variable is that of the list.
    exact = [name for name, (path, _) in known.items() if location[: len(path)] == path]
    # A section that is missing is reported once; what is wanted are its variables.
    inside = {name: field for name, (path, field) in known.items() if path[: len(location)] == location}
    required = [name for name, field in inside.items() if field.is_required()]
    return exact or required or list(inside)


def secret_values(settings: BaseModel) -> Iterator[str]:
    """Yield every secret's value, those in sections too, for the logs to mask."""
    for value in (getattr(settings, name) for name in type(settings).model_fields):
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            yield from secret_values(value)

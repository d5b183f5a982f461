"""The reference of the settings, printed from the settings themselves: Markdown, an env file, or JSON Schema."""

import json
from enum import Enum
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from .config import RuntimeSettings
from .loader import variables


def as_markdown(cls: type[RuntimeSettings]) -> str:
    lines = [
        "# Configuration",
        "",
        "Made by `make docs`; change `settings.py`, not this file. Times are in seconds, sizes in bytes.",
        "A variable may also be a file of its name in the folder `APP_SECRETS_DIR`; the environment wins.",
        "A variable that begins with `APP_` and is not listed stops the service at its start.",
        "`OTEL_TRACES_SAMPLER`, `OTEL_BSP_*` and the other variables of OpenTelemetry's SDK work as well.",
        "",
        "| Variable | Meaning | Default |",
        "|---|---|---|",
    ]
    for variable, _, field in variables(cls):
        default = _default(field)
        lines.append(f"| `{variable}` | {field.description or ''} | {f'`{default}`' if default else ''} |")
    return "\n".join(lines) + "\n"


def as_env(cls: type[RuntimeSettings]) -> str:
    blocks = ["# Made by `make docs`. Copy to .env; it is read where APP_ENV is local.\n"]
    blocks += [f"# {field.description or ''}\n#{variable}={_default(field)}\n" for variable, _, field in variables(cls)]
    return "\n".join(blocks)


def as_json_schema(cls: type[RuntimeSettings]) -> str:
    schema: dict[str, Any] = cls.model_json_schema(by_alias=True)
    return json.dumps(schema, indent=2) + "\n"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.value if isinstance(value, Enum) else value)

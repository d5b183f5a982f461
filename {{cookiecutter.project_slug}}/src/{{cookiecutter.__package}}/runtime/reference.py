# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The reference of the settings, printed from the settings themselves: Markdown, an env file, or JSON Schema."""

import json
from enum import Enum
from typing import Any

from pydantic import SecretStr, create_model
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
        default = "required" if field.is_required() else f"`{text}`" if (text := _default(field)) else ""
        row = (f"`{variable}`", field.description or "", default)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines) + "\n"


def as_env(cls: type[RuntimeSettings]) -> str:
    blocks = ["# Made by `make docs`. Copy to .env; it is read where APP_ENV is local.\n"]
    blocks += [f"# {field.description or ''}\n#{variable}={_default(field)}\n" for variable, _, field in variables(cls)]
    return "\n".join(blocks)


def as_json_schema(cls: type[RuntimeSettings]) -> str:
    """Describe an object whose properties are the variables, as the values that the text in them stands for."""
    fields: dict[str, Any] = {variable: (field.annotation, field) for variable, _, field in variables(cls)}
    environment = create_model("Environment", **fields)
    schema = environment.model_json_schema()
    for variable, (_, field) in fields.items():
        if isinstance(field.default, SecretStr):
            # Pydantic masks it; a default is no secret.
            schema["properties"][variable]["default"] = _default(field)
    return json.dumps(schema, indent=2) + "\n"


def _default(field: FieldInfo) -> str:
    """Return a default as one writes it in a variable."""
    value = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(str(item) for item in value)
        case list() | dict():
            return json.dumps(value)
        case Enum():
            return str(value.value)
    return str(value)

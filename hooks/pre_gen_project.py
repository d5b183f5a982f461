"""Checks all answers at once, before anything is written. Answers are data here, never code."""

import json
import keyword
import re
import sys

# The line breaks keep an answer's last quote away from the literal's own.
ANSWERS = {
    "project_name": json.loads(
        r"""
{{ cookiecutter.project_name | tojson }}
""".strip()
    ),
    "project_slug": json.loads(
        r"""
{{ cookiecutter.project_slug | tojson }}
""".strip()
    ),
    "description": json.loads(
        r"""
{{ cookiecutter.description | tojson }}
""".strip()
    ),
    "owner": json.loads(
        r"""
{{ cookiecutter.owner | tojson }}
""".strip()
    ),
    "image_registry": json.loads(
        r"""
{{ cookiecutter.image_registry | tojson }}
""".strip()
    ),
}
# Packages and modules that a service installs: one of the same name would take their place. A test compares.
TAKEN = {
    "aiosqlite", "alembic", "annotated_doc", "annotated_types", "anyio", "ast_serialize", "async_timeout", "attr",
    "attrs", "cachetools", "certifi", "cffi", "charset_normalizer", "click", "colorama", "cryptography", "dotenv",
    "editables", "fastapi", "fastapi_swagger", "google", "googleapis_common_protos", "greenlet", "h11", "hatchling",
    "httpcore2", "httptools", "httpx2", "httpx2_jsfetch", "idna", "iniconfig", "jsonschema",
    "jsonschema_specifications", "jwt", "librt", "mako", "markupsafe", "mypy", "mypy_extensions", "mypyc",
    "opentelemetry", "opentelemetry_api", "opentelemetry_exporter_http_transport", "opentelemetry_exporter_otlp_common",
    "opentelemetry_exporter_otlp_proto_common", "opentelemetry_exporter_otlp_proto_http", "opentelemetry_proto",
    "opentelemetry_sdk", "opentelemetry_semantic_conventions", "orjson", "packaging", "pathspec", "pip", "pluggy",
    "prometheus_client", "protobuf", "psycopg", "psycopg_binary", "pycparser", "pydantic", "pydantic_core",
    "pydantic_settings", "pygments", "pyjwt", "pytest", "python_dotenv", "redis", "referencing", "requests", "rpds",
    "rpds_py", "ruff", "sqlalchemy", "sqlmodel", "starlette", "tomlkit", "trove_classifiers", "truststore",
    "types_cachetools", "types_jsonschema", "typing_extensions", "typing_inspection", "tzdata", "urllib3", "uvicorn",
    "uvloop",
}  # fmt: skip
# Folders and modules of the service itself.
OWN = {"conftest", "docs", "migrations", "src", "support", "test", "tests", "tools"}

LENGTH = 120
# What a text is made of: it is one line, all of it can be seen, and Jinja, which renders answers that are given without
# a prompt, finds nothing in it.
TEXT = r"[^{}\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff]"
# A DNS-1035 label, as Kubernetes asks of a Service; short enough for the names that are made of it.
SLUG = r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){2,39}"
# The name of an entity in a Backstage catalog.
OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
# A host and a path, as the OCI distribution specification has them. With the slug they stay below the 255 characters
# that clients of it can take.
REGISTRY_LENGTH = 200
REGISTRY = r"[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"


def text_problems(name: str, text: str) -> list[str]:
    """Return what is wrong with a text for people."""
    found = []
    if not text.strip():
        found.append(f"{name} is empty: write a few words")
    if len(text) > LENGTH:
        found.append(f"{name} has {len(text)} characters: shorten it to {LENGTH}")
    if strange := sorted(set(re.sub(TEXT, "", text))):
        found.append(
            f"{name} holds {', '.join(map(ascii, strange))}: it must be one line of printable characters without braces"
        )
    return found


def slug_problems(slug: str) -> list[str]:
    """Return what is wrong with the slug, which names the package, the image and the Kubernetes objects."""
    if not re.fullmatch(SLUG, slug):
        return [
            f"project_slug is {slug!r}: it must be 3 to 40 lower-case letters, digits and single hyphens, and begin "
            "with a letter, as in orders-service"
        ]
    package = slug.replace("-", "_")
    if package in TAKEN:
        return [f"project_slug is {slug!r}, a package that the service needs: try {slug[:32]}-service"]
    if package in OWN or package in sys.stdlib_module_names or keyword.iskeyword(package):
        return [f"project_slug is {slug!r}, a name that Python has a use for: try {slug[:32]}-service"]
    return []


def problems(answers: dict[str, str]) -> list[str]:
    """Return what is wrong with each answer, and what to do about it."""
    found = [problem for name in ("project_name", "description") for problem in text_problems(name, answers[name])]
    found += slug_problems(answers["project_slug"])
    if not re.fullmatch(OWNER, answers["owner"]):
        found.append(
            f"owner is {answers['owner']!r}: it must be a catalog's name, 1 to 63 letters, digits, dots, hyphens and "
            "underscores, as in team-platform"
        )
    if not re.fullmatch(REGISTRY, answers["image_registry"]):
        found.append(
            f"image_registry is {answers['image_registry']!r}: it must be a lower-case host and path, without scheme, "
            "tag or final slash, as in ghcr.io/example"
        )
    if len(answers["image_registry"]) > REGISTRY_LENGTH:
        found.append(f"image_registry has {len(answers['image_registry'])} characters: shorten it to {REGISTRY_LENGTH}")
    return found


if found := problems(ANSWERS):
    print("Nothing was generated. Answer these again:", *found, sep="\n  - ", file=sys.stderr)
    sys.exit(1)

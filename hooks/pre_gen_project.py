"""Checks all answers at once, before anything is written. Answers are data here, never code."""

import json
import keyword
import re
import sys

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
# What a service's package would hide from itself.
TAKEN = {
    "aiosqlite", "alembic", "anyio", "cachetools", "editables", "fastapi", "hatchling", "httptools", "httpx2",
    "jsonschema", "migrations", "mypy", "opentelemetry", "orjson", "prometheus_client", "psycopg", "pydantic",
    "pytest", "redis", "ruff", "sqlalchemy", "sqlmodel", "src", "starlette", "support", "test", "tests",
    "typing_extensions", "uvicorn", "uvloop",
}  # fmt: skip
SLUG = r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){2,39}"
OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
REGISTRY = r"[a-z0-9]+(?:[.-][a-z0-9]+)*(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"


def problems(answers: dict[str, str]) -> list[str]:
    """Return what is wrong with each answer, and what to do about it."""
    found = []
    for name in ("project_name", "description"):
        text = answers[name]
        if not text.strip() or len(text) > 120 or not text.isprintable():
            found.append(f"{name} must be one line of 1 to 120 printable characters; shorten it or take out the others")
        if re.search(r"\{[#%{]", text):
            found.append(f"{name} must not hold template marks; write it without double or hashed braces")
    slug = answers["project_slug"]
    package = slug.replace("-", "_")
    if not re.fullmatch(SLUG, slug):
        found.append(
            f"project_slug {slug!r} must be 3 to 40 lower-case letters, digits and single hyphens, beginning with a "
            "letter, as a Kubernetes name does; for example orders-service"
        )
    elif package in TAKEN or package in sys.stdlib_module_names or keyword.iskeyword(package):
        found.append(f"project_slug {slug!r} is the name of a Python module that the service needs; try {slug}-service")
    if not re.fullmatch(OWNER, answers["owner"]):
        found.append(
            f"owner {answers['owner']!r} must be a catalog name: 1 to 63 letters, digits, dots, hyphens; team-a"
        )
    if not re.fullmatch(REGISTRY, answers["image_registry"]):
        found.append(
            f"image_registry {answers['image_registry']!r} must be a lower-case host and path, without scheme, tag or "
            "final slash; for example ghcr.io/example"
        )
    return found


if found := problems(ANSWERS):
    print("Nothing was generated. Answer these again:", *found, sep="\n  - ", file=sys.stderr)
    sys.exit(1)

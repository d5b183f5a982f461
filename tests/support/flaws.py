"""What can be wrong with a service that was just baked."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from support import charts
from support.baking import ROOT, files

# `${{` is GitHub's, and cruft keeps the answers under the name of cookiecutter.
LEFTOVER = re.compile(rb"cookiecutter(?!\"\])|\{%|(?<!\$)\{\{")
# `.items()` is Python's; a page's `items` and a list's `item` are words.
EXAMPLE = re.compile(rb"\bitems(?:_router|\.|/)|/items\b|\bimport items\b|\bitem_|\bItem\b|0002_items")
# The runtime is the same with and without the example, and its comments may point to it.
RUNTIME = re.compile(r"^src/\w+/runtime/")
# Templates of others, whose braces are their own.
FOREIGN = re.compile(r"\.mako$|^charts/[^/]+/(templates|files)/")
DEFAULTS: dict[str, Any] = json.loads((ROOT / "cookiecutter.json").read_text())


def flaws(service: Path, answers: Mapping[str, str]) -> list[str]:
    """Return all that is wrong with a service that was baked with these answers."""
    found = [*unparsable(service), *leftovers(service), *strangers(service, answers), *unlinted(service)]
    if answers.get("include_example") == "false":
        found += example_leftovers(service)
    return found


def own_files(service: Path) -> Iterator[tuple[str, Path]]:
    for path in files(service):
        name = path.relative_to(service).as_posix()
        if not FOREIGN.search(name):
            yield name, path


# Most files are the same for all answers.
@lru_cache(maxsize=1000)
def parse(suffix: str, content: bytes) -> str:
    """Return the parser's complaint about a file, or nothing."""
    try:
        text = content.decode()
        match suffix:
            case ".py":
                ast.parse(text)
            case ".toml":
                tomllib.loads(text)
            case ".yaml" | ".yml":
                list(yaml.load_all(text, Loader=yaml.CSafeLoader))
            case ".json":
                json.loads(text)
    except (SyntaxError, ValueError, yaml.YAMLError) as error:
        return str(error)
    return ""


def unparsable(service: Path) -> list[str]:
    parsed = [(name, parse(path.suffix, path.read_bytes())) for name, path in own_files(service)]
    return [f"{name}: {complaint}" for name, complaint in parsed if complaint]


def leftovers(service: Path) -> list[str]:
    return [f"{name}: a leftover" for name, path in own_files(service) if LEFTOVER.search(path.read_bytes())]


def example_leftovers(service: Path) -> list[str]:
    names = [path.relative_to(service).as_posix() for path in service.rglob("*")]
    found = [f"{name}: the example" for name in names if re.search(r"(\bitems|_items)(\.py)?$", name)]
    return found + [
        f"{path.relative_to(service)}: names the example"
        for path in files(service)
        if not RUNTIME.search(path.relative_to(service).as_posix())
        and EXAMPLE.search(path.read_bytes().replace(b".items()", b""))
    ]


def labels(service: Path) -> dict[str, str]:
    """Return the labels of the Dockerfile, as its rules for double quotes read them."""
    dockerfile = (service / "Dockerfile").read_text()
    quoted = re.findall(r'([\w.]+)="((?:[^"\\]|\\.)*)"', dockerfile.partition("LABEL ")[2])
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in quoted}


def strangers(service: Path, answers: Mapping[str, str]) -> list[str]:
    """Return the places where an answer isn't what was given."""

    def load(name: str) -> Any:
        return yaml.load((service / name).read_text(), Loader=yaml.CSafeLoader)

    given = {name: answers.get(name, DEFAULTS[name]) for name in DEFAULTS if not name.startswith("_")}
    slug = given["project_slug"] = answers.get("project_slug", "orders-service")
    try:
        project = tomllib.loads((service / "pyproject.toml").read_text())["project"]
        catalog, chart = load("catalog-info.yaml"), load(f"charts/{slug}/Chart.yaml")
        image, compose = load(f"charts/{slug}/values.yaml")["image"], load("compose.yaml")
    except (OSError, ValueError, yaml.YAMLError) as error:
        return [str(error)]
    label = labels(service)
    # A `$` that Docker would expand is escaped, and a label holds none that isn't.
    expanded = re.findall(
        r"(?<!\\)(?:\\\\)*\$(?!VERSION|REVISION)", (service / "Dockerfile").read_text().partition("LABEL ")[2]
    )
    found = {
        "pyproject.toml, name": (project["name"], slug),
        "pyproject.toml, description": (project["description"], given["description"]),
        "catalog-info.yaml, name": (catalog["metadata"]["name"], slug),
        "catalog-info.yaml, title": (catalog["metadata"]["title"], given["project_name"]),
        "catalog-info.yaml, description": (catalog["metadata"]["description"], given["description"]),
        "catalog-info.yaml, owner": (catalog["spec"]["owner"], given["owner"]),
        "Chart.yaml, name": (chart["name"], slug),
        "Chart.yaml, description": (chart["description"], given["description"]),
        "values.yaml, registry": (image["registry"], given["image_registry"]),
        "compose.yaml, name": (compose["name"], slug),
        "Dockerfile, title": (label["org.opencontainers.image.title"], given["project_name"]),
        "Dockerfile, description": (label["org.opencontainers.image.description"], given["description"]),
        "Dockerfile, vendor": (label["org.opencontainers.image.vendor"], given["owner"]),
        "Dockerfile, dollars": (expanded, []),
        "package": ((service / "src" / slug.replace("-", "_") / "app.py").exists(), True),
    }
    return [f"{place}: {is_!r}, not {was!r}" for place, (is_, was) in found.items() if is_ != was]


def unlinted(service: Path) -> list[str]:
    """Return what the service's own linter and formatter find."""
    found = []
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        result = subprocess.run(ruff, cwd=service, capture_output=True, text=True, check=False)
        if result.returncode:
            found.append(result.stdout)
    return found


def unlinted_chart(service: Path) -> list[str]:
    (chart,) = (service / "charts").iterdir()
    values = ("--values", service / "deploy/local.yaml")
    result = charts.run("helm", "lint", "--strict", *charts.KUBE_VERSION, *values, chart)
    return [result.stdout] if result.returncode else []

"""What a Backstage portal does with backstage/template.yaml: renders a step's input, and runs `fetch:cookiecutter`.

The rules are those of its sources: scaffolder-backend's for the input, scaffolder-backend-module-cookiecutter's for the
action, which wraps the folder that it fetched, sees no hooks, and takes what it isn't told from nowhere.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

from support import baking
from support.baking import ROOT

TEMPLATE = ROOT / "backstage/template.yaml"


def parse_entity_ref(reference: str, defaults: Mapping[str, str]) -> dict[str, str]:
    kind, _, rest = reference.rpartition(":")
    namespace, _, name = rest.rpartition("/")
    return {
        "kind": kind or defaults["defaultKind"],
        "namespace": namespace or defaults["defaultNamespace"],
        "name": name,
    }


# Nunjucks reads these expressions as Jinja does.
ENVIRONMENT = Environment(variable_start_string="${{", variable_end_string="}}", undefined=StrictUndefined)
ENVIRONMENT.filters |= {"parseEntityRef": parse_entity_ref, "pick": lambda mapping, key: mapping[key]}


def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text())
    return loaded


def render(value: Any, context: Mapping[str, Any]) -> Any:
    """Render each string of a step's input; `{{ … }}` without the dollar is nothing to it."""
    match value:
        case dict():
            return {key: render(inner, context) for key, inner in value.items()}
        case list():
            return [render(inner, context) for inner in value]
        case str():
            return ENVIRONMENT.from_string(value).render(context)
    return value


def fetch_cookiecutter(folder: Path, parameters: Mapping[str, str]) -> Path:
    """Run the template's first step into a new folder and return the service's."""
    step = template()["spec"]["steps"][0]
    assert step["action"] == "fetch:cookiecutter"
    given = render(step["input"], {"parameters": parameters})
    wrapped = folder / "template"
    contents = wrapped / "{{cookiecutter and 'contents'}}"
    shutil.copytree(TEMPLATE.parent / given["url"], contents)
    own = contents / "cookiecutter.json"
    values = json.loads(own.read_text()) if own.exists() else {}
    values |= given["values"] | {"_copy_without_render": given["copyWithoutRender"]}
    (wrapped / "cookiecutter.json").write_text(json.dumps(values))
    return baking.bake(folder / "intermediate", {}, template=wrapped)

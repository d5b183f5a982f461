"""The portal's template asks for the same answers, by the same rules, and hands on what cookiecutter.json has."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from jinja2 import UndefinedError

from support import backstage
from support.answers import LEGAL, WRONG
from support.baking import ROOT
from support.hooks import LENGTH, OWNER, REGISTRY, REGISTRY_LENGTH, RESERVED, SLUG, TEXT

# What a text and a registry may be is said by two keys in the portal; the owner may come as its picker gives it.
TEXTS = {"type": "string", "maxLength": LENGTH, "pattern": rf"^(?=.*\S){TEXT}+$"}
RULES: dict[str, dict[str, Any]] = {
    "project_name": TEXTS,
    "project_slug": {"type": "string", "pattern": f"^{SLUG}$"},
    "description": TEXTS,
    "owner": {"type": "string", "pattern": f"^(?:group:default/)?{OWNER}$"},
    "image_registry": {"type": "string", "maxLength": REGISTRY_LENGTH, "pattern": f"^{REGISTRY}$"},
}
# The actions that a portal has, with the module that the template names, and what their documentation says they give.
ACTIONS: dict[str, dict[str, str]] = {
    "fetch:cookiecutter": {},
    "publish:github": {"remoteUrl": "u", "repoContentsUrl": "u", "commitHash": "h"},
    "catalog:register": {"entityRef": "r", "catalogInfoUrl": "u"},
}


def asked(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    pages = template["spec"]["parameters"]
    return {name: schema for page in pages for name, schema in page["properties"].items()}


def problems(template: dict[str, Any]) -> list[str]:
    """Return where the portal's template says something else than the hook and cookiecutter.json."""
    cookiecutter = json.loads((ROOT / "cookiecutter.json").read_text())
    found = []
    questions = asked(template)
    for name, rules in RULES.items():
        question = questions.get(name, {})
        found += [f"{name}: {key} is {question.get(key)!r}" for key, rule in rules.items() if question.get(key) != rule]
        if question.get("description") != cookiecutter["__prompts__"][name]:
            found.append(f"{name}: asked in other words")
        default = "orders-service" if name == "project_slug" else cookiecutter[name]
        if name != "owner" and default not in (question.get("default"), question.get("ui:placeholder")):
            found.append(f"{name}: the default is another")
    if missing := RESERVED - set(questions["project_slug"]["not"]["enum"]):
        found.append(f"project_slug: {', '.join(sorted(missing))} would be taken")
    for page in template["spec"]["parameters"]:
        jsonschema.Draft7Validator.check_schema({"type": "object", **page})
        found += [f"{name}: not required" for name in page["properties"].keys() - set(page["required"])]
    given = template["spec"]["steps"][0]["input"]
    for name, value in cookiecutter.items():
        if name == "__prompts__":
            continue
        handed = given["copyWithoutRender"] if name == "_copy_without_render" else given["values"].get(name)
        if name in RULES:
            handed, value = bool(re.match(rf"\$\{{\{{ parameters\.{name} ", str(handed))), True
        if handed != value:
            found.append(f"{name}: handed on as {handed!r}")
    found += [f"{name}: no answer" for name in given["values"].keys() - cookiecutter.keys()]
    return found


def test_it_asks_and_hands_on_what_cookiecutter_does() -> None:
    assert problems(backstage.template()) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda page, given: page["owner"].update(pattern="^.*$"), "owner: pattern"),
        (lambda page, given: page["description"].update(maxLength=500), "description: maxLength"),
        (lambda page, given: page.pop("project_name"), "project_name: pattern"),
        (lambda page, given: page["project_name"].update(description="Name?"), "project_name: asked"),
        (lambda page, given: page["project_name"].update({"ui:placeholder": "X"}), "project_name: the default"),
        (lambda page, given: page["project_slug"]["not"]["enum"].remove("redis"), "project_slug: redis would"),
        (lambda page, given: page.update(extra={"type": "string"}), "extra: not required"),
        (lambda page, given: given["copyWithoutRender"].pop(), "_copy_without_render: handed"),
        (lambda page, given: given["values"].pop("__title"), "__title: handed"),
        (lambda page, given: given["values"].update(_template_version="9"), "_template_version: handed"),
        (lambda page, given: given["values"].update(owner="me"), "owner: handed"),
        (lambda page, given: given["values"].update(include_redis=True), "include_redis: no answer"),
    ],
)
def test_what_drifts_is_found(change: Callable[[Any, Any], object], found: str) -> None:
    template = copy.deepcopy(backstage.template())
    change(template["spec"]["parameters"][0]["properties"], template["spec"]["steps"][0]["input"])
    assert any(line.startswith(found) for line in problems(template))


def accepts(name: str, value: str) -> bool:
    schema = asked(backstage.template())[name]
    # The end, as JavaScript has it: Python's `$` overlooks a last line break.
    schema["pattern"] = schema["pattern"].removesuffix("$") + r"\Z"
    return jsonschema.Draft7Validator(schema).is_valid(value)


@pytest.mark.parametrize("name", RULES)
def test_it_accepts_and_refuses_what_the_hook_does(name: str) -> None:
    for answers in LEGAL:
        assert name not in answers or accepts(name, answers[name]), answers[name]
    for value, _ in WRONG[name]:
        assert not accepts(name, value), value


def test_every_step_is_an_action_that_there_is_and_reads_what_is_there_by_then() -> None:
    context: dict[str, Any] = {"parameters": dict.fromkeys(asked(backstage.template()), "x"), "steps": {}}
    spec = backstage.template()["spec"]
    for step in spec["steps"]:
        backstage.render(step["input"], context)
        context["steps"][step["id"]] = {"output": ACTIONS[step["action"]]}
    backstage.render(spec["output"], context)


def test_a_reference_to_nothing_is_found() -> None:
    with pytest.raises(UndefinedError):
        backstage.render("${{ steps.publish.output.remoteUrl }}", {"steps": {}})


def test_the_portal_publishes_the_catalog_entry_that_it_registers() -> None:
    register = backstage.template()["spec"]["steps"][-1]["input"]["catalogInfoPath"]
    assert (ROOT / "{{cookiecutter.project_slug}}" / register.lstrip("/")).exists()

"""Answers that can't work are refused before anything is written, all at once, each with its remedy."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import baking
from support.answers import LONGEST, SHORTEST
from support.baking import ROOT, Bake, files

LINE = "one line of printable characters"
SLUG = "3 to 40 lower-case letters"
SERVICE = "-service"
REFUSED = [
    ({"project_slug": "ab"}, SLUG),
    ({"project_slug": "a" * 41}, SLUG),
    ({"project_slug": "1abc"}, SLUG),
    ({"project_slug": "Orders"}, SLUG),
    ({"project_slug": "a--b"}, SLUG),
    ({"project_slug": "-orders"}, SLUG),
    ({"project_slug": "orders-"}, SLUG),
    ({"project_slug": "or_ders"}, SLUG),
    ({"project_slug": "ördners"}, SLUG),
    ({"project_slug": "orders\n"}, SLUG),
    ({"project_slug": '"""); raise SystemExit(0) #'}, SLUG),
    ({"project_slug": "redis"}, SERVICE),
    ({"project_slug": "prometheus-client"}, SERVICE),
    ({"project_slug": "opentelemetry-sdk"}, SERVICE),
    ({"project_slug": "class"}, SERVICE),
    ({"project_slug": "asyncio"}, SERVICE),
    ({"project_slug": "tests"}, SERVICE),
    ({"project_slug": "tools"}, SERVICE),
    ({"owner": "two words"}, "catalog"),
    ({"owner": ""}, "catalog"),
    ({"owner": "x" * 64}, "catalog"),
    ({"owner": "-team"}, "catalog"),
    ({"image_registry": "https://ghcr.io/example"}, "without scheme"),
    ({"image_registry": "ghcr.io/Example"}, "lower-case"),
    ({"image_registry": "ghcr.io/example/"}, "final slash"),
    ({"image_registry": "ghcr.io/example:latest"}, "tag"),
    ({"image_registry": "ghcr.io/a..b"}, "host and path"),
    ({"description": "two\nlines"}, LINE),
    ({"description": "a bell\a"}, LINE),
    ({"description": " "}, "is empty"),
    ({"description": "x" * 121}, "has 121 characters"),
    ({"project_name": "x" * 121, "project_slug": "orders"}, "has 121 characters"),
    ({"project_name": "Right\u202eleft", "project_slug": "orders"}, LINE),
]
ACCEPTED = [
    SHORTEST,
    LONGEST,
    {"project_slug": "a1b"},
    {"project_slug": "a-b-c-d"},
    {"project_slug": "orders-2"},
    {"owner": "Team_7.b-c"},
    {"owner": "x" * 63},
    {"image_registry": "localhost:5000"},
    {"image_registry": "registry.example/a/b__c/d-e.f"},
    {"description": "x" * 120},
    {"project_name": '"', "project_slug": "orders"},
    {"description": "\\"},
    {"project_name": "日本のサービス", "project_slug": "nihon"},
]


def braces(text: str) -> str:
    """Return Jinja that yields the text: cookiecutter renders an answer that it is given on the command line."""
    return "{{ '" + "' ~ '".join(text) + "' }}"


@pytest.mark.parametrize(("answers", "remedy"), REFUSED, ids=str)
def test_a_wrong_answer_is_refused_with_its_remedy(tmp_path: Path, answers: dict[str, str], remedy: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        baking.bake(tmp_path / "bake", answers)
    name = next(iter(answers))
    assert [line for line in raised.value.stderr.splitlines() if line.startswith(f"  - {name} ") and remedy in line]
    assert not files(tmp_path / "bake/baked")


@pytest.mark.parametrize("mark", ["{{", "{%", "{#"])
def test_a_template_mark_is_refused(bake: Bake, mark: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        bake(description=braces(mark))
    assert f"description holds '{mark}'" in raised.value.stderr


@pytest.mark.parametrize("answers", ACCEPTED, ids=str)
def test_a_right_answer_is_accepted(bake: Bake, answers: dict[str, str]) -> None:
    assert bake(**answers).name == answers.get("project_slug", "orders-service")


def test_all_problems_are_told_at_once(bake: Bake) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        bake(project_slug="A", owner="two words", image_registry="http://x", project_name="a\nb", description="")
    for name in ("project_name", "project_slug", "description", "owner", "image_registry"):
        assert f"  - {name} " in raised.value.stderr


def test_it_is_the_hook_that_refuses(tmp_path: Path) -> None:
    """The twin: without hooks the same answer bakes."""
    assert baking.bake(tmp_path / "bake", {"owner": "two words"}, hooks=False).exists()


def hook(name: str) -> str:
    return (ROOT / "hooks" / name).read_text()


def constant(name: str) -> str:
    (value,) = re.findall(rf'^{name} = r"(.*)"$', hook("pre_gen_project.py"), re.M)
    return str(value)


def missing_patterns(document: str) -> list[str]:
    """Return the answers whose pattern, as the hook has it, is not in a Markdown table."""
    table = document.replace("\\|", "|")
    return [name for name in ("SLUG", "OWNER", "REGISTRY") if f"`{constant(name)}`" not in table]


def test_the_patterns_for_portals_are_those_of_the_hook() -> None:
    document = (ROOT / "SECURITY.md").read_text()
    assert missing_patterns(document) == []
    assert missing_patterns(document.replace("62", "63").replace("61", "62")) == ["OWNER"]


def taken() -> set[str]:
    (names,) = re.findall(r"^TAKEN = \{(.*?)^\}", hook("pre_gen_project.py"), re.M | re.S)
    return set(json.loads(f"[{names.strip().rstrip(',')}]"))


def locked() -> set[str]:
    """Return the names of the packages that a service installs, as a service's would be: those that a slug can be."""
    lock = (baking.TEMPLATE / "requirements-dev.lock").read_text()
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)(?:\[.*\])?==", lock, re.M)}
    slugs = {name for name in names if re.fullmatch(constant("SLUG"), name)}
    return {slug.replace("-", "_") for slug in slugs}


def test_no_service_can_take_the_name_of_a_package_that_it_installs() -> None:
    assert locked() - taken() == set()
    assert locked() - (taken() - {"redis"}) == {"redis"}


@pytest.mark.parametrize("name", ["pre_gen_project.py", "post_gen_project.py"])
def test_the_hooks_need_nothing_but_a_few_modules_of_the_standard_library(name: str) -> None:
    """No network, subprocess, git, time or randomness, which would make a bake fail or differ."""
    imported = set(re.findall(r"^(?:import|from) (\w+)", hook(name), re.M))
    assert imported <= {"json", "keyword", "pathlib", "re", "shutil", "sys"}


def test_the_second_run_of_the_post_hook_changes_nothing(bake: Bake) -> None:
    """`cruft update` runs it on a project that has been through it."""
    service = bake(include_example="false")
    before = {path: path.read_bytes() for path in files(service)}
    rendered = hook("post_gen_project.py")
    for name, value in {
        "include_example": "False",
        "__package": "orders_service",
        "project_slug": "orders-service",
    }.items():
        rendered = rendered.replace(f"{{{{ cookiecutter.{name} }}}}", value)
    subprocess.run([sys.executable, "-c", rendered], cwd=service, check=True, capture_output=True)
    assert {path: path.read_bytes() for path in files(service)} == before

"""The hooks: what they go by is true, and they need and do as little as they should."""

import re
import subprocess
import sys

import pytest

from support import baking
from support.baking import ROOT, Bake, differences, tree
from support.hooks import OWN, SLUG, TAKEN


def locked() -> set[str]:
    """Return the names of the packages that a service installs, as a service's would be: those that a slug can be."""
    lock = (baking.TEMPLATE / "requirements-dev.lock").read_text()
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)(?:\[.*\])?==", lock, re.M)}
    slugs = {name for name in names if re.fullmatch(SLUG, name)}
    return {slug.replace("-", "_") for slug in slugs}


def test_no_service_can_take_the_name_of_a_package_that_it_installs() -> None:
    assert locked() - TAKEN == set()
    assert locked() - (TAKEN - {"redis"}) == {"redis"}


def test_no_service_can_take_the_name_of_a_module_of_its_tests() -> None:
    modules = {path.stem for path in (baking.TEMPLATE / "tests").glob("*.py")} | {"support"}
    assert modules - OWN == set()
    assert modules - (OWN - {"conftest"}) == {"conftest"}


@pytest.mark.parametrize("name", ["pre_gen_project.py", "post_gen_project.py"])
def test_the_hooks_need_nothing_but_a_few_modules_of_the_standard_library(name: str) -> None:
    """No network, subprocess, git, time or randomness, which would make a bake fail or differ."""
    imported = set(re.findall(r"^(?:import|from) (\w+)", (ROOT / "hooks" / name).read_text(), re.M))
    assert imported <= {"json", "keyword", "pathlib", "re", "shutil", "sys"}


def test_the_second_run_of_the_post_hook_changes_nothing(bake: Bake) -> None:
    """`cruft update` runs it on a project that has been through it."""
    service = bake(include_example="false")
    before = tree(service)
    rendered = (ROOT / "hooks/post_gen_project.py").read_text()
    for name, value in {
        "include_example": "False",
        "__package": "orders_service",
        "project_slug": "orders-service",
    }.items():
        rendered = rendered.replace(f"{{{{ cookiecutter.{name} }}}}", value)
    subprocess.run([sys.executable, "-c", rendered], cwd=service, check=True, capture_output=True)
    assert differences(tree(service), before) == []


@pytest.mark.parametrize("mark", ["{{", "{%", "{#"])
def test_an_answer_that_jinja_made_of_braces_is_refused(bake: Bake, mark: str) -> None:
    """Cookiecutter renders an answer from the command line, so that the hook may see braces all the same."""
    with pytest.raises(subprocess.CalledProcessError) as raised:
        bake(description="{{ '" + "' ~ '".join(mark) + "' }}")
    assert "description holds " in raised.value.stderr
    assert "without braces" in raised.value.stderr

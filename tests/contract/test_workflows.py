"""GitHub's workflows of both layers: they lint, are safe, and run nothing but make targets that a test runs as well."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support.baking import ROOT, TEMPLATE, Bake
from support.workflows import MARK, commands, steps, workflows

LAYERS = {"template": ROOT, "service": TEMPLATE}
BIN = Path(sys.executable).parent

# Lines of a service's that no test runs, and why.
UNPROVEN = {
    "make servers": "needs Docker",
    "make cluster": "needs Docker and kind",
    "make sign": "needs cosign and a workflow's identity; tests/cluster/test_release.py sees what is handed to cosign",
}


# --- what they are ---------------------------------------------------------------------------------------------------


def findings(paths: list[Path]) -> str:
    """Return what actionlint and zizmor find."""
    found = ""
    for command in (
        [str(BIN / "actionlint"), "-no-color"],
        [str(BIN / "zizmor"), "--offline", "--no-progress", "--no-config", "--pedantic", "--min-severity=low"],
    ):
        result = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
        found += result.stdout + result.stderr if result.returncode else ""
    return found


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_the_workflows_lint_and_are_safe(layer: Path) -> None:
    assert workflows(layer)
    assert findings(workflows(layer)) == ""


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (r"@[0-9a-f]{40} # \S+", "@v7", "unpinned-uses"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        (r" +with:\n +persist-credentials: false\n", "", "artipacked"),
        (r'"\$GITHUB_REF_NAME"', "${{ github.ref_name }}", "template-injection"),
        ("timeout-minutes:", "timeout-minute:", "syntax-check"),
        (r"github\.actor", "github.author", "expression"),
    ],
)
def test_what_is_wrong_with_a_workflow_is_found(tmp_path: Path, old: str, new: str, rule: str) -> None:
    text, planted = re.subn(old, new, (TEMPLATE / ".github/workflows/release.yml").read_text())
    assert planted
    workflow = tmp_path / ".github/workflows/release.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(text)
    assert re.search(rule, findings([workflow]))


def unversioned(text: str) -> list[str]:
    """Return the uses of actions that are no commit with its version beside it, which Renovate needs."""
    uses = re.findall(r"uses: (.*)", text)
    return [use for use in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)]


def test_each_action_is_a_commit_with_its_version() -> None:
    for workflow in [*workflows(ROOT), *workflows(TEMPLATE)]:
        assert unversioned(workflow.read_text()) == []
    assert unversioned("uses: actions/checkout@v7\nuses: actions/checkout@" + "0" * 40) != []


def test_both_layers_use_the_same_versions() -> None:
    pins: dict[str, set[str]] = {}
    for workflow in [*workflows(ROOT), *workflows(TEMPLATE)]:
        for action, pin in re.findall(r"uses: ([\w/-]+)@(.*)", workflow.read_text()):
            pins.setdefault(action, set()).add(pin)
    assert [action for action, found in pins.items() if len(found) > 1] == []


def test_a_service_has_them_as_they_stand_in_the_template(bake: Bake) -> None:
    service = bake()
    for workflow in workflows(TEMPLATE):
        assert (service / workflow.relative_to(TEMPLATE)).read_bytes() == workflow.read_bytes()


# --- what they run ---------------------------------------------------------------------------------------------------


def foreign(lines: set[str], layer: Path) -> set[str]:
    """Return the commands that are not one target of the layer's Makefile."""
    targets = "|".join(re.findall(r"^([a-z-]+):", (layer / "Makefile").read_text(), re.M))
    one = re.compile(rf'make ({targets})( [A-Z]+=(\w+|"\$[A-Z_]+"))*')
    return {line for line in lines if not one.fullmatch(line)}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_each_command_is_one_make_target(layer: Path) -> None:
    assert foreign(commands(layer), layer) == set()


@pytest.mark.parametrize("line", ["pip install x", "make fly", "make check && curl x", "make check; make test"])
def test_a_command_of_another_kind_is_found(line: str) -> None:
    assert foreign({line, "make check"}, TEMPLATE) == {line}


@pytest.fixture(scope="module")
def proven() -> set[str]:
    """The lines that tests run as they stand in the workflows, in any tier."""
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-n0", "-p", "support.workflows", "tests"]
    result = subprocess.run(collect, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return {line.removeprefix(MARK) for line in result.stdout.splitlines() if line.startswith(MARK)}


def test_each_command_of_a_service_is_run_by_a_test(proven: set[str]) -> None:
    assert proven
    assert commands(TEMPLATE) - proven == UNPROVEN.keys()


def test_each_command_of_the_template_is_run_by_a_test_or_is_this_run(proven: set[str]) -> None:
    this_run = {line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("make ")}
    assert commands(ROOT) - proven - this_run == set()


def test_a_new_command_is_found(tmp_path: Path, proven: set[str]) -> None:
    layer = tmp_path / "service"
    shutil.copytree(TEMPLATE / ".github", layer / ".github")
    with workflows(layer)[0].open("a") as workflow:
        workflow.write("      - run: make docs\n")
    assert commands(layer) - proven - UNPROVEN.keys() == {"make docs"}


@pytest.mark.parametrize("workflow", ["ci.yml", "locks.yml", "update.yml"])
def test_what_is_proposed_is_proven_before(workflow: str) -> None:
    """In each workflow the tests come after whatever changes something, and before what proposes it."""
    names = [step.get("run", step.get("uses", "")) for step in steps(TEMPLATE / ".github/workflows" / workflow)]
    proposal = next((number for number, name in enumerate(names) if "pull-request" in name), len(names))
    assert {"make check", "make servers", "make test"} < set(names[:proposal])


# --- what is beside them ---------------------------------------------------------------------------------------------


def test_renovate_leaves_the_templates_files_to_the_template(bake: Bake) -> None:
    """Both would change the same lines, and each update would conflict."""
    service = bake()
    ignored: list[str] = json.loads((service / "renovate.json").read_text())["ignorePaths"]
    pyproject = tomllib.loads((service / "pyproject.toml").read_text())
    teams = {path for skip in pyproject["tool"].get("cruft", {}).get("skip", []) for path in service.glob(skip)}
    found = [*service.glob(".github/workflows/*"), *service.rglob("*Dockerfile*"), *service.rglob("*compose*.yaml")]
    assert {str(path.relative_to(service)) for path in found if path not in teams} | {"charts/**"} == set(ignored)

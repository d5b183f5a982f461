"""`make feature` and `make remove-example` by their scripts, in services that are not installed: made and refused."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.answers import SHORTEST, WITHOUT_EXAMPLE
from support.baking import Bake, files
from support.git import begin

APP = "src/orders_service/app.py"
# The shortest, the longest, words, digits, what sorts last and first, a module's name, what SQL has a use for.
NAMES = [
    ("abs", ""),
    ("a" * 39 + "s", ""),
    ("extraordinarily-long-names-of-many-lines", ""),
    ("order-lines", ""),
    ("zz9-2fas", ""),
    ("secrets", ""),
    ("users", ""),
    ("people", "person"),
    ("addresses", ""),
    ("boxes", ""),
    ("companies", ""),
]


@pytest.fixture(scope="module")
def untouched(bake: Bake) -> Path:
    """A service with the example, for what changes nothing."""
    return bake()


@pytest.fixture
def service(untouched: Path, tmp_path: Path) -> Path:
    """A service with the example, the test's own."""
    return Path(shutil.copytree(untouched, tmp_path / "orders-service"))


@pytest.fixture(scope="module")
def baked_without(bake: Bake) -> Path:
    return bake(**WITHOUT_EXAMPLE)


@pytest.fixture
def bare(baked_without: Path, tmp_path: Path) -> Path:
    """A service without the example, the test's own."""
    return Path(shutil.copytree(baked_without, tmp_path / "bare"))


def run(service: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, f"tools/{script}.py", *arguments]
    env = {"PATH": os.environ["PATH"], "HOME": str(service)}
    return subprocess.run(command, cwd=service, env=env, capture_output=True, text=True, check=False)


def grow(service: Path, *names: str) -> str:
    result = run(service, "feature", *names)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(service: Path, script: str, *arguments: str) -> list[str]:
    """Return what it says is wrong; fail the test if it wrote anything."""
    before = content(service)
    result = run(service, script, *arguments)
    assert result.returncode == 1, result.stdout + result.stderr
    assert content(service) == before
    assert result.stdout == ""
    first, *problems = result.stderr.splitlines()
    assert first.startswith("Nothing was ")
    assert all(problem.startswith("  - ") for problem in problems), result.stderr
    return problems


def content(service: Path) -> dict[str, bytes]:
    """Return what a service consists of, whatever ran in it."""
    found = {str(path.relative_to(service)): path.read_bytes() for path in files(service)}
    return {path: data for path, data in found.items() if not re.match(r"\.git/|.*__pycache__|.*_cache/", path)}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def commit(service: Path) -> Path:
    begin(service, "All")
    return service


def unlinted(service: Path) -> str:
    """Return what the service's own linter and formatter find in it."""
    printed = ""
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--no-cache", "."]
        printed += subprocess.run(ruff, cwd=service, capture_output=True, text=True, check=False).stdout
    return printed


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> set[str]:
    return {path for path in {*one, *other} if one.get(path) != other.get(path)}


# What is not the feature itself.
SAID_OF_THE_EXAMPLE = {"README.md", "pyproject.toml", "tools/example.json"}


def test_the_example_is_the_feature_that_would_be_called_items(bare: Path, untouched: Path) -> None:
    """To renew the example: change tools/feature/, then do the same by hand, and bring the files back."""
    grow(bare, "items")
    assert differences(content(bare), content(untouched)) == SAID_OF_THE_EXAMPLE


@pytest.mark.parametrize("name", ["package/routes.py", "package/models.py", "tests/test_routes.py", "migration.py"])
def test_a_skeleton_that_is_not_the_examples_is_found(bare: Path, untouched: Path, name: str) -> None:
    with (bare / f"tools/feature/{name}.template").open("a") as text:
        text.write("# drifted\n")
    grow(bare, "items")
    assert len(differences(content(bare), content(untouched)) - SAID_OF_THE_EXAMPLE) == 2


def test_features_of_all_names_lint_and_are_formatted(bake: Bake) -> None:
    service = bake(**SHORTEST)
    for names in NAMES:
        grow(service, *names)
    assert unlinted(service) == ""
    written = b"".join(content(service).values()).decode(errors="replace")
    identifiers = set(re.findall(r'"((?:pk|uq|ix)_\w+)"', written))
    assert len(identifiers) > 3 * len(NAMES)
    assert [name for name in identifiers if len(name) > 63] == []
    with (service / "src/abx/users/routes.py").open("a") as file:
        file.write("x = ( 1 )\n")
    assert "users/routes.py" in unlinted(service)


def test_it_says_what_it_made_and_what_comes_next(service: Path) -> None:
    before = content(service)
    printed = grow(service, "order-lines")
    told = dict(line.split()[::-1] for line in printed.splitlines() if line.startswith("  "))
    after = content(service)
    assert {path for path, what in told.items() if what == "new"} == set(after) - set(before)
    assert [path for path, what in told.items() if what == "changed"] == [APP]
    assert "One of them is called 'order line', the class OrderLine, the table order_line." in printed
    assert "make migrate" in printed
    assert "/v1/order-lines" in printed


def test_revisions_follow_each_other(service: Path) -> None:
    grow(service, "orders")
    grow(service, "people", "person")
    # Its name ends that of another.
    grow(service, "order-lines")
    assert "changed  src/orders_service/app.py" in grow(service, "lines")
    assert 'down_revision = "0002"' in (service / "migrations/versions/0003_orders.py").read_text()
    assert 'down_revision = "0003"' in (service / "migrations/versions/0004_people.py").read_text()


def second(service: Path, revision: str) -> None:
    path = service / "migrations/versions/0002_items.py"
    path.with_name(f"{revision}_other.py").write_text(path.read_text().replace('"0002"', f'"{revision}"'))


REFUSED = [
    ([""], "say its name"),
    (["Orders"], "lower-case"),
    (["2orders"], "a letter first"),
    (["order--lines"], "single hyphens"),
    (["order lines"], "single hyphens"),
    (["ördners"], "lower-case"),
    (["orders;"], "lower-case"),
    (["a" * 40 + "s"], "has 41 characters"),
    (["xs"], "has 1 characters"),
    (["people"], "one=person"),
    (["status"], "one=person"),
    (["sheep", "sheep"], "try name=sheep-list one=sheep"),
    (["classes"], "class is a word of Python's: try name=our-classes"),
    (["nones"], "None is a word of Python's"),
    (["orders", "class"], "class is a word of Python's"),
    (["orders", "9"], "one=9 can't name it"),
    (["sessions"], "session is something else"),
    (["requests"], "request is something else"),
    (["indexes", "index"], "Index is something else"),
    (["lists"], "list is something else"),
    (["runtime", "run"], "src/orders_service/runtime is there already"),
    (["settings"], "src/orders_service/settings.py is there already"),
    (["idempotency-keys"], "the schema has a table idempotency_key already"),
    (["alembic-versions"], "the schema has a table alembic_version already"),
]


@pytest.mark.parametrize(("names", "remedy"), REFUSED, ids=str)
def test_a_name_that_can_t_be_is_refused_with_its_remedy(untouched: Path, names: list[str], remedy: str) -> None:
    assert remedy in refused(untouched, "feature", *names)[0]


def test_what_is_tried_as_told_is_taken(service: Path) -> None:
    for names, _ in REFUSED:
        if remedy := re.search(r"try name=(\S+)(?: one=(\S+))?", refused(service, "feature", *names)[0]):
            grow(service, remedy[1], remedy[2] or "")
    assert (service / "src/orders_service/sheep_list").exists()


def test_all_that_is_there_already_is_told_at_once(service: Path) -> None:
    second(service, "0003")
    told = "\n".join(refused(service, "feature", "items"))
    for place in ("src/orders_service/items ", "tests/unit/items ", "table item ", "routes.py:22 has the path /items "):
        assert place in told
    assert "2 newest revisions (0002, 0003) and must have one" in told
    assert len(refused(service, "feature", "Orders", "9")) == 2


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda service: (service / "migrations/versions/0002_other.py").write_text('revision = "0002"\n'), "are both"),
        (lambda service: (service / APP).write_text("def"), f"{APP}:1 is no Python"),
        (
            lambda service: (service / APP).write_text('app.mount("/v1/orders/old", old)'),
            f"{APP}:1 has the path /v1/orders/old already",
        ),
        # The second of its folders can't be made.
        (lambda service: (service / "tests/unit/orders").symlink_to("nowhere"), "tests/unit/orders"),
    ],
    ids=["two of one number", "no Python", "path", "write error"],
)
def test_what_stands_in_a_service_s_way_is_told(service: Path, spoil: Callable[[Path], object], problem: str) -> None:
    spoil(service)
    (told,) = refused(service, "feature", "orders")
    assert problem in told
    assert not (service / "src/orders_service/orders").exists()


def test_a_table_that_was_renamed_or_dropped_is_free_again(service: Path) -> None:
    renaming = 'def upgrade() -> None:\n    op.rename_table("item", "thing")\n    op.drop_table("idempotency_key")\n'
    (service / "migrations/versions/0003_things.py").write_text(
        f'revision = "0003"\ndown_revision = "0002"\n{renaming}'
    )
    (told,) = refused(service, "feature", "things")
    assert "table thing" in told
    grow(service, "idempotency-keys")


CREATE_APP = """\
from fastapi import FastAPI

from .runtime.application import new_application


def create_app(settings):
    service = new_application(settings)
"""


@pytest.mark.parametrize(
    ("before", "between", "after"),
    [
        ("", "", "    return service\n"),
        (
            "    service.include_router(\n        stock,\n    )  # ours\n",
            "",
            "    service.state.x = 1\n    return service\n",
        ),
        ("    service.include_router(stock)\n", "    admin.include_router(stock)\n", "    return service\n"),
    ],
    ids=["the first", "after another", "not into another application"],
)
def test_an_edited_app_includes_the_router_and_keeps_the_rest(
    bare: Path, before: str, between: str, after: str
) -> None:
    (bare / APP).write_text(CREATE_APP + before + between + after)
    grow(bare, "orders")
    import_line = "from .orders.routes import router as orders_router\n"
    include_line = '    service.include_router(orders_router, prefix="/v1")\n'
    imported = CREATE_APP.replace("from .runtime", f"{import_line}from .runtime")
    assert (bare / APP).read_text() == imported + before + include_line + between + after


@pytest.mark.parametrize(
    "body",
    [
        "    return wrapped(service)\n",
        "    if settings.old:\n        return service\n",
        "    orders_router = 1\n    return service\n",
        "    x = 1; return service\n",
    ],
)
def test_an_app_without_a_place_that_is_surely_right_stays_and_the_lines_are_told(bare: Path, body: str) -> None:
    (bare / APP).write_text(CREATE_APP + body)
    before = content(bare)
    printed = grow(bare, "orders")
    after = content(bare)
    assert after[APP] == before[APP]
    assert "src/orders_service/orders/routes.py" in after
    assert f"{APP} has no place that is surely right. Add there:\n" in printed
    assert "\n    from .orders.routes import router as orders_router\n" in printed
    assert '\n    app.include_router(orders_router, prefix="/v1")\n' in printed


# Databases may have the revision; and what later versions of the template do to the example stays unwanted.
STAYS = {"migrations/versions/0002_items.py", "pyproject.toml"}


def test_taking_the_example_out_later_leaves_what_refusing_it_would_but_for_what_must_stay(
    service: Path, baked_without: Path
) -> None:
    commit(service)
    printed = run(service, "remove_example").stdout
    assert differences(content(service), content(baked_without)) == STAYS
    assert 'make migration message="drop items" drop=yes' in printed
    assert run(service, "remove_example").stdout == "There is no example here.\n"


def test_what_is_not_taken_out_is_found(service: Path, baked_without: Path) -> None:
    edit(service / "tools/example.json", '"README.md"', '"READYOU.md"')
    run(commit(service), "remove_example")
    assert differences(content(service), content(baked_without)) == STAYS | {"README.md"}


NEEDED = [
    ("src/orders_service/orders.py", "from .items.service import get\n"),
    ("src/orders_service/orders.py", "from . import items\n"),
    ("src/orders_service/orders/service.py", "def late():\n    from ..items import service\n"),
    ("src/orders_service/orders/service.py", "import orders_service.items.models\n"),
    ("src/orders_service/orders/models.py", 'x = ForeignKey("item.id")\n'),
    ("src/orders_service/orders/routes.py", 'x = "/v1/items"\n'),
    ("tests/unit/orders/test_routes.py", "from orders_service.items import service\n"),
    (APP, "more.include_router(\n    items_router)\n"),
]


@pytest.mark.parametrize(("name", "line"), NEEDED)
def test_an_example_that_something_needs_stays(service: Path, name: str, line: str) -> None:
    (service / name).parent.mkdir(exist_ok=True)
    with (service / name).open("a") as file:
        file.write(line)
    (problem,) = refused(commit(service), "remove_example")
    assert re.search(rf"- {name}:\d+ needs items: take it out there first", problem)


def test_what_only_looks_like_the_example_is_no_need_of_it(service: Path) -> None:
    (service / "src/orders_service/orders").mkdir()
    (service / "src/orders_service/orders/__init__.py").touch()
    (service / "src/orders_service/orders/items.py").write_text('x = {}.items()\ny = "item", "items"\n')
    (service / "src/orders_service/orders/service.py").write_text("from .items import x\nfrom . import items\n")
    assert run(commit(service), "remove_example").returncode == 0


def changed(service: Path) -> None:
    edit(commit(service) / "src/orders_service/items/routes.py", "30", "60")


def new(service: Path) -> None:
    (commit(service) / "src/orders_service/items/notes.txt").write_text("mine")


def changed_elsewhere(service: Path) -> None:
    edit(commit(service) / APP, "Yours", "Ours")


def ignored(service: Path) -> None:
    """As by the repository around it."""
    edit(commit(service) / ".gitignore", "dist/", "notes.txt")
    (service / "src/orders_service/items/notes.txt").write_text("mine")


def in_no_repository(service: Path) -> None:
    pass


LOST = [
    (changed, "src/orders_service/items/routes.py is not committed"),
    (new, "src/orders_service/items/notes.txt is not committed"),
    (ignored, "src/orders_service/items/notes.txt is not committed"),
    (changed_elsewhere, f"{APP} is not committed"),
    (in_no_repository, "this is no git repository"),
]


@pytest.mark.parametrize(("leave", "problem"), LOST)
def test_what_git_could_not_bring_back_stays(service: Path, leave: Callable[[Path], None], problem: str) -> None:
    leave(service)
    (told,) = refused(service, "remove_example")
    assert problem in told
    assert "commit, so that git can bring back" in told

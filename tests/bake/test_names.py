"""Any legal answers make a service that is whole at once; any others are refused, all together, and nothing is left.

The answers are made from what README.md says they may be, and from the standards that it points to.
"""

import keyword
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from support import baking
from support.answers import LAST, LEGAL, SHORTEST, WRONG
from support.baking import ROOT, Bake
from support.flaws import flaws, unlinted_chart
from support.hooks import OWN, TAKEN

Answers = dict[str, str]
# The same examples in each run, so that what is found is found again. Told as they are: to look for a smaller one takes
# a bake for each step, and minutes.
STEADY = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)

LOWER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
WORD = st.text(LOWER + DIGITS, min_size=1, max_size=12)


def joined(parts: st.SearchStrategy[str], separators: list[str], longest: int) -> st.SearchStrategy[str]:
    """Words with a separator between each two."""
    rest = st.lists(st.tuples(st.sampled_from(separators), parts).map("".join), max_size=6)
    return st.builds(lambda first, rest: first + "".join(rest), parts, rest).filter(lambda text: len(text) <= longest)


def is_free(slug: str) -> bool:
    package = slug.replace("-", "_")
    return not (keyword.iskeyword(package) or package in sys.stdlib_module_names or package in TAKEN | OWN)


# Printable, on one line, no braces; not even Unicode's own replacements and non-characters.
CHARACTER = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"), exclude_characters="{}").filter(
    lambda character: not 0xFFF0 <= ord(character) <= 0xFFFF
)
TEXT = st.text(CHARACTER, min_size=1, max_size=120).filter(str.strip)
# What TOML, YAML, Markdown, Dockerfiles and shells have a meaning for.
TRICKY = st.text(st.sampled_from("\"'\\$#:&*!|>%@`<-[](),;=~^ ?/.n0x😀é"), min_size=1, max_size=40).filter(str.strip)
SLUG = st.builds("".join, st.tuples(st.sampled_from(LOWER), joined(WORD, ["-"], 39))).filter(
    lambda slug: len(slug) >= 3 and is_free(slug)
)
# The name of an entity in Backstage's catalog.
OWNER = joined(st.text(LOWER + LOWER.upper() + DIGITS, min_size=1, max_size=12), ["-", "_", ".", "..", "-_"], 63)
# A host, perhaps with a port, and the repository names of the OCI distribution specification.
HOST = joined(WORD, [".", "-", "--"], 60)
REGISTRY = st.builds(
    lambda host, port, path: "/".join([host + port, *path]),
    HOST,
    st.sampled_from(["", ":443", ":5000"]),
    st.lists(joined(WORD, [".", "_", "__", "-", "---"], 40), max_size=3),
)
LEGAL_ANSWERS = st.fixed_dictionaries(
    {
        "project_name": TEXT | TRICKY,
        "project_slug": SLUG,
        "description": TEXT | TRICKY,
        "owner": OWNER,
        "image_registry": REGISTRY,
        "include_example": st.sampled_from(["true", "false"]),
    }
)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the configuration of a cookiecutter that runs here, which saves its start for each example."""
    folder = tmp_path_factory.mktemp("workshop")
    (folder / "config").write_text(f"replay_dir: {folder}/replay\ncookiecutters_dir: {folder}/templates\n")
    return folder


def bake_here(workshop: Path, answers: Answers) -> Path:
    output = workshop / str(len(list(workshop.iterdir())))
    config = str(workshop / "config")
    return Path(
        cookiecutter(str(ROOT), no_input=True, extra_context=dict(answers), output_dir=str(output), config_file=config)
    )


@pytest.mark.parametrize("answers", LEGAL, ids=str)
def test_a_service_with_answers_at_the_edge_is_whole(bake: Bake, answers: Answers) -> None:
    assert flaws(bake(**answers), answers) == []


@settings(STEADY, max_examples=25)
@given(answers=LEGAL_ANSWERS)
def test_a_service_with_any_legal_answers_is_whole(workshop: Path, answers: Answers) -> None:
    assert flaws(bake_here(workshop, answers), answers) == []


@settings(STEADY, max_examples=6)
@given(answers=LEGAL_ANSWERS)
@example(answers=SHORTEST)
@example(answers=LAST)
def test_its_chart_lints_strictly(workshop: Path, answers: Answers) -> None:
    assert unlinted_chart(bake_here(workshop, answers)) == []


def test_a_chart_that_does_not_lint_is_found(bake: Bake) -> None:
    service = bake(**SHORTEST)
    chart = service / "charts" / SHORTEST["project_slug"] / "Chart.yaml"
    chart.write_text(chart.read_text().replace("version: 0.1.0", "version: one"))
    assert unlinted_chart(service)


# --- refused ---------------------------------------------------------------------------------------------------------


def refusal(folder: Path, answers: Answers) -> dict[str, str]:
    """Bake what must be refused, and return what was said of each answer."""
    with pytest.raises(subprocess.CalledProcessError) as raised:
        baking.bake(folder, answers)
    assert raised.value.returncode != 0
    assert not (folder / "baked").exists() or not list((folder / "baked").iterdir())
    assert raised.value.stderr.count("Nothing was generated. Answer these again:") == 1
    assert "Traceback" not in raised.value.stderr
    lines = re.findall(r"^  - (\w+) (.*)$", raised.value.stderr, re.M)
    return {name: " ".join(text for other, text in lines if other == name) for name, _ in lines}


@pytest.mark.parametrize("column", range(max(map(len, WRONG.values()))))
def test_wrong_answers_are_refused_all_at_once_each_with_its_remedy(tmp_path: Path, column: int) -> None:
    wrong = {name: edges[column] for name, edges in WRONG.items() if column < len(edges)}
    # Without a slug of its own a wrong name would make a wrong slug.
    answers = {"project_slug": "orders"} | {name: answer for name, (answer, _) in wrong.items()}
    said = refusal(tmp_path / "bake", answers)
    assert said.keys() == wrong.keys()
    for name, (_, remedy) in wrong.items():
        assert remedy in said[name]


def with_one(text: st.SearchStrategy[str], strange: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A text with something strange in it, which is no Jinja: that would be run before anything can refuse it."""
    parts = st.tuples(st.just("x"), text.map(lambda text: text[:50]), strange, text.map(lambda text: text[:50]))
    return parts.map("".join).filter(lambda text: not re.search(r"\{[{%#]", text))


CONTROL = st.characters(categories=("Cc", "Zl", "Zp"), exclude_characters="\0")
STRANGE_TEXT = with_one(TEXT, st.sampled_from("{}\u200b\u202e\ufeff") | CONTROL) | st.text(
    CHARACTER, min_size=121, max_size=130
)
WRONG_ANSWERS = {
    "project_name": STRANGE_TEXT,
    # Not with a slash: before any hook runs, cookiecutter makes that folder and the one above it (SECURITY.md).
    "project_slug": with_one(SLUG, st.sampled_from(["_", "--", " ", ".", "A", "ä"]))
    | st.text(LOWER, min_size=41, max_size=60)
    | st.text(LOWER, max_size=2)
    | st.sampled_from(sorted(sys.stdlib_module_names)),
    "description": STRANGE_TEXT,
    "owner": with_one(OWNER, st.sampled_from([" ", "/", ":", "é", "@"])) | st.text(LOWER, min_size=64, max_size=80),
    "image_registry": with_one(REGISTRY, st.sampled_from(["..", "://", "A", "//", "@", " ", "_-"])),
}


@settings(STEADY, max_examples=20)
@given(
    legal=LEGAL_ANSWERS,
    wrong=st.fixed_dictionaries({}, optional=WRONG_ANSWERS).filter(bool),
)
def test_any_mixture_of_wrong_answers_is_refused_and_no_right_one(
    workshop: Path, legal: Answers, wrong: Answers
) -> None:
    said = refusal(workshop / str(len(list(workshop.iterdir()))), legal | wrong)
    assert said.keys() == wrong.keys()
    assert all(":" in text for text in said.values())


def test_it_is_the_hook_that_refuses(tmp_path: Path) -> None:
    """The twin: without hooks the same answer bakes."""
    with pytest.raises(pytest.fail.Exception):
        refusal(tmp_path / "bake", {})
    assert baking.bake(tmp_path / "other", {"owner": "two words"}, hooks=False).exists()

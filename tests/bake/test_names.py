"""Any legal answers make a service that is whole at once; any others are refused, all together, and nothing is left."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings

from support import baking
from support.answers import LAST, LEGAL, SHORTEST, WRONG
from support.baking import Bake
from support.flaws import flaws, unlinted_chart
from support.strategies import LEGAL_ANSWERS, STEADY, WRONG_ANSWERS, Answers


@pytest.mark.parametrize("answers", LEGAL, ids=str)
def test_a_service_with_answers_at_the_edge_is_whole(bake: Bake, answers: Answers) -> None:
    assert flaws(bake(**answers), answers) == []


@settings(STEADY, max_examples=25)
@given(answers=LEGAL_ANSWERS)
def test_a_service_with_any_legal_answers_is_whole(workshop: Path, answers: Answers) -> None:
    assert flaws(baking.bake_here(workshop, answers), answers) == []


@settings(STEADY, max_examples=6)
@given(answers=LEGAL_ANSWERS)
@example(answers=SHORTEST)
@example(answers=LAST)
def test_its_chart_lints_strictly(workshop: Path, answers: Answers) -> None:
    assert unlinted_chart(baking.bake_here(workshop, answers)) == []


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


@settings(STEADY, max_examples=20)
@given(
    legal=LEGAL_ANSWERS,
    wrong=WRONG_ANSWERS,
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

"""Each file of a service says whose it is, or is listed as the team's."""

from pathlib import Path

import pytest

from support.answers import LONGEST, WITHOUT_EXAMPLE
from support.baking import Bake
from support.ownership import TEMPLATES, owned, unsaid


@pytest.mark.parametrize("answers", [{}, LONGEST | WITHOUT_EXAMPLE], ids=["with the example", "without"])
def test_each_file_says_whose_it_is(bake: Bake, answers: dict[str, str]) -> None:
    assert unsaid(bake(**answers)) == []


def test_a_file_that_does_not_say_it_is_found(bake: Bake) -> None:
    service = bake()
    (service / "new.py").touch()
    for name in (
        "Dockerfile",
        "Makefile",
        "src/orders_service/runtime/admin.py",
        "charts/orders-service/templates/pdb.yaml",
    ):
        (service / name).write_text((service / name).read_text().replace(TEMPLATES, ""))
    (service / "README.md").write_text(TEMPLATES)
    assert set(unsaid(service)) == {
        "Dockerfile",
        "Makefile",
        "README.md",
        "charts/orders-service/templates/pdb.yaml",
        "new.py",
        "src/orders_service/runtime/admin.py",
    }


def test_a_file_of_both_does_not_say_that_it_is_the_templates(bake: Bake) -> None:
    service = bake()
    (service / ".gitignore").write_text(f"# {TEMPLATES}\n")
    assert unsaid(service) == [".gitignore"]


def empty_patterns(service: Path) -> list[str]:
    return [pattern for pattern in owned(service) if not list(service.glob(pattern))]


def test_each_entry_of_the_teams_list_is_there(bake: Bake) -> None:
    service = bake()
    assert empty_patterns(service) == []
    (service / "README.md").unlink()
    assert empty_patterns(service) == ["README.md"]

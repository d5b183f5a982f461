"""The same answers give the same bytes, wherever and by whomever; and what those are is committed."""

from pathlib import Path

from support import baking
from support.answers import WITHOUT_EXAMPLE
from support.baking import Bake, differences, files, tree
from support.manifest import MANIFEST, changes, manifest

HERE = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"}
# With a locale that knows ASCII alone, which Python would otherwise not put up with.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
ELSEWHERE = {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7", "USER": "another", **ASCII}


def test_two_bakes_are_the_same_in_another_place_and_time(tmp_path: Path) -> None:
    """Each has a home of its own. The second is as those of a careful system: only the owner may read."""
    one = baking.bake(tmp_path / "one", WITHOUT_EXAMPLE, environment=HERE, umask=0o022)
    other = baking.bake(tmp_path / "another/place", WITHOUT_EXAMPLE, environment=ELSEWHERE, umask=0o077)
    assert differences(tree(other), tree(one)) == []
    modes = [{path.relative_to(folder): path.stat().st_mode for path in files(folder)} for folder in (one, other)]
    assert modes[0] == modes[1]


def test_another_answer_makes_another_tree(bake: Bake) -> None:
    assert differences(tree(bake(owner="team-b")), tree(bake())) == [
        "Dockerfile: other content",
        "README.md: other content",
        "catalog-info.yaml: other content",
    ]


def test_the_committed_manifest_says_what_the_template_makes(bake: Bake) -> None:
    found = changes(manifest(tree(bake()), tree(bake(**WITHOUT_EXAMPLE))), MANIFEST.read_text())
    assert found == [], "what the template makes has changed: `make manifest` renews tests/bake/manifest.txt"


def test_a_change_of_what_the_template_makes_is_found(bake: Bake) -> None:
    services = [bake(), bake(**WITHOUT_EXAMPLE)]
    for service in services:
        (service / "Makefile").chmod(0o755)
        (service / "README.md").unlink()
    (services[1] / "stray").write_text("")
    (services[0] / "compose.yaml").write_text("")
    assert changes(manifest(*map(tree, services)), manifest(tree(bake()), tree(bake(**WITHOUT_EXAMPLE)))) == [
        "Makefile: changed",
        "README.md: gone",
        "compose.yaml: changed",
        "stray: new",
    ]

"""A bake needs Python and cookiecutter: no programs, no network, nothing that it may write but the service.

Every test bakes with an empty PATH (support/baking.py). The commands write something of their own, though: cookiecutter
keeps the answers for `--replay`, in the home or where a configuration says; cruft clones into a temporary folder.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from support.answers import WITHOUT_EXAMPLE
from support.baking import Bake, baked, differences, tree
from support.checkout import copy_checkout
from support.git import begin

# Makes the folders before `--` read-only, even for the superuser, and becomes the command that follows.
ENCLOSE = """
while [ "$1" != -- ]; do mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; shift; done
shift; exec env -i "$@"
"""


def enclosed(read_only: Sequence[Path], environment: Mapping[str, str], *command: str | Path) -> None:
    """Run a command without network, with folders that it may not write, and with no other environment.

    Raises:
        subprocess.CalledProcessError: it failed; its `stderr` says why.
    """
    unshare = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("there are no namespaces here")
    variables = [f"{name}={value}" for name, value in environment.items()]
    enclose = [*unshare, "sh", "-ec", ENCLOSE, "sh", *read_only, "--", *variables, *command]
    subprocess.run(enclose, check=True, capture_output=True, text=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("template") / "slipway")


def test_cookiecutter_needs_no_network_and_may_write_neither_home_nor_template(
    bake: Bake, tmp_path: Path, home: Path, template: Path
) -> None:
    (home / "config").write_text(f"replay_dir: {tmp_path}/replay\n")
    answers = [f"{name}={answer}" for name, answer in WITHOUT_EXAMPLE.items()]
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--config-file", str(home / "config")]
    enclosed(
        [home, template],
        {"HOME": str(home), "PATH": ""},
        *[*command, "--output-dir", str(tmp_path / "baked"), str(template), *answers],
    )
    assert differences(tree(baked(tmp_path)), tree(bake(**WITHOUT_EXAMPLE))) == []


def test_cruft_needs_git_alone(bake: Bake, tmp_path: Path, home: Path, template: Path) -> None:
    begin(template, "now")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git") or "")
    create = [sys.executable, "-m", "cruft", "create", str(template), "--no-input"]
    create += ["--output-dir", str(tmp_path / "baked")]
    enclosed(
        [home, template],
        {"HOME": str(home), "PATH": str(programs)},
        *[*create, "--extra-context", json.dumps(WITHOUT_EXAMPLE)],
    )
    (baked(tmp_path) / ".cruft.json").unlink()
    assert differences(tree(baked(tmp_path)), tree(bake(**WITHOUT_EXAMPLE))) == []


@pytest.mark.parametrize(
    "statement",
    [
        "open('file', 'w')",
        "import socket; socket.create_connection(('127.0.0.1', {port}), 5)",
        "os.execlp('git', 'git', '--version')",
    ],
)
def test_what_needs_more_fails_there(home: Path, statement: str) -> None:
    """The twin: the home can't be written, a server on this machine can't be reached, a program isn't found."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import os; os.chdir(os.environ['HOME']); {statement.format(port=server.getsockname()[1])}"
        with pytest.raises(subprocess.CalledProcessError):
            enclosed([home], {"HOME": str(home), "PATH": ""}, sys.executable, "-c", code)
        enclosed([], {"HOME": str(home), "PATH": ""}, sys.executable, "-c", "open('/dev/null')")

"""A service is born locked: the locks hold what it asks for, install on each Python, and one command renews them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import baking
from support.baking import ROOT, TEMPLATE, Bake
from support.checkout import copy_checkout
from support.services import environment, interpreter, lend
from support.workflows import Lines

# The one that runs this installs the other tests' service.
OTHERS = [f"python3.{minor}" for minor in (11, 12, 13) if minor != sys.version_info.minor]


@pytest.mark.parametrize("python", OTHERS)
def test_the_lock_installs_by_pip(tmp_path: Path, python: str) -> None:
    """By uv it does in test_service, on each Python as well."""
    env = environment(tmp_path)
    subprocess.run([interpreter(python), "-m", "venv", tmp_path / "venv"], env=env, check=True)
    pip = [str(tmp_path / "venv/bin/python"), "-m", "pip", "--disable-pip-version-check"]
    # Compiling takes longer than all else.
    install = [
        *pip,
        "install",
        "--quiet",
        "--no-compile",
        "--require-hashes",
        "-r",
        str(TEMPLATE / "requirements-dev.lock"),
    ]
    subprocess.run(install, env=env, check=True, capture_output=True)
    subprocess.run([*pip, "check"], env=env, check=True, capture_output=True)


# --- what a service says of its own locks ----------------------------------------------------------------------------


def complaint(installed: Path, service: Path, *arguments: str) -> str:
    """Return what the service's test of its locks says, run with what another one has installed."""
    command = [str(installed / ".venv/bin/python"), "-m", "pytest", "--quiet", "--noconftest", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, *arguments, "tests/contract/test_locks.py"], cwd=service, capture_output=True, text=True, check=False
    )
    return result.stdout if result.returncode else ""


def test_a_service_is_born_with_fresh_locks(installed: Path, bake: Bake) -> None:
    assert complaint(installed, bake()) == ""


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("pyproject.toml", '"redis>=', '"boto3",\n  "redis>=', "boto3 is asked for, and nothing locked"),
        ("pyproject.toml", r'"alembic>=[^"]*"', '"alembic>=99"', "alembic>=99 is asked for, and alembic==.* locked"),
        ("pyproject.toml", r' *"cachetools>=[^"]*",\n', "", "'cachetools'"),
        ("pyproject.toml", r'requires = \["hatchling"', 'requires = ["hatchling", "hatch-vcs"', "hatch-vcs is asked"),
        ("requirements.lock", r"alembic==\S+", "alembic==99.1", "alembic==99.1 and alembic=="),
        ("requirements.lock", r"mako==.*\n(    .*\n)+", "", "'mako'"),
        ("requirements-build.lock", r"(?m)^pluggy==\S+", "pluggy==0.1", "pluggy==0.1 and pluggy=="),
    ],
)
def test_a_stale_lock_is_found_with_the_remedy(
    installed: Path, bake: Bake, name: str, old: str, new: str, said: str
) -> None:
    service = bake()
    text, planted = re.subn(old, new, (service / name).read_text())
    assert planted
    (service / name).write_text(text)
    found = complaint(installed, service)
    assert re.search(said, found)
    assert "Renew the locks: make lock" in found


# --- one command renews them -----------------------------------------------------------------------------------------

LOCK = pytest.mark.parametrize("lines", [("make lock",)], ids=["lock"], indirect=True)


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"^([\w.-]+)(?:\[.*\])?==", lock.read_text(), re.M))


@LOCK
def test_a_service_renews_its_locks(installed: Path, bake: Bake, tmp_path: Path, lines: Lines) -> None:
    service = bake()
    pyproject = service / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"redis>=', '"iniconfig",\n  "redis>='))
    assert "iniconfig is asked for" in complaint(installed, service)
    lend(service, installed / ".venv")
    lines.run(service, environment(tmp_path, UV_CACHE_DIR=str(ROOT / "build/uv")))
    # What newer versions need is not known before they are installed.
    assert complaint(installed, service, "-k", "not nothing_else") == ""


@LOCK
def test_the_template_renews_its_own_and_the_services_locks(installed: Path, tmp_path: Path, lines: Lines) -> None:
    template = copy_checkout(tmp_path / "slipway")
    renewed = [*template.glob("*.lock"), *template.glob("{{*/*.lock")]
    assert len(renewed) == 6
    for lock in renewed:
        lock.write_text("")
    lend(template, Path(sys.prefix))
    lines.run(template, environment(tmp_path, UV_CACHE_DIR=str(ROOT / "build/uv")))
    wanted = re.sub(r"\[.*?\]", "", (template / "requirements-dev.in").read_text().lower()).split()
    assert pins(template / "requirements-dev.lock") >= set(wanted)
    assert complaint(installed, baking.bake(tmp_path / "bake", {}, template=template), "-k", "not nothing_else") == ""
    assert "cookiecutter" in pins(template / "requirements-bake.lock")
    for lock in renewed:
        assert "://" not in lock.read_text()

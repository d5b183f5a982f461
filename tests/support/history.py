"""The template's history: its releases, this checkout, and later versions that change whatever a version may change."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from support.answers import SHORTEST
from support.baking import ROOT, TEMPLATE
from support.checkout import copy_checkout
from support.git import ENVIRONMENT, commit, git
from support.ownership import SHARED, matches, takes_a_comment

PRESENT = "present"
"""The tag of this checkout, which may be no release."""
LATER = ("v90.0.0", "v91.0.0")
CRUFT = str(Path(sys.executable).parent / "cruft")
NEW_DEPENDENCY = "typing-extensions>=4"


def releases() -> list[str]:
    """Return the tags of the template's releases, the oldest first."""
    return git(ROOT, "tag", "--list", "--sort=version:refname", "v[0-9]*.[0-9]*.[0-9]*").split()


def build(folder: Path) -> Path:
    """Make a repository of the template with all its versions, each with its tag; the newest is checked out."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for release in releases():
        _clear(folder)
        archive = subprocess.run(["git", "archive", release], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "--extract"], cwd=folder, input=archive, check=True)
        commit(folder, release, tag=release)
    _clear(folder)
    copy_checkout(folder)
    commit(folder, PRESENT, tag=PRESENT)
    for version in LATER:
        change(folder, version)
        commit(folder, version, tag=version)
    return folder


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def change(template: Path, version: str) -> None:
    """Change every file of the service that may hold a comment, and what else a later version may change."""
    service = template / TEMPLATE.name
    answers = json.loads((template / "cookiecutter.json").read_text())
    answers = {"tier": "standard"} | answers | {"_template_version": version[1:]}
    (template / "cookiecutter.json").write_text(json.dumps(answers, indent=2))

    for path in set(filter(Path.is_file, service.rglob("*"))) - matches(service, SHARED):
        if takes_a_comment(path):
            start, end = {".md": ("<!-- ", " -->"), ".mako": ("## ", "")}.get(path.suffix, ("# ", ""))
            text = re.sub(rf"^{start}v9\d.*\n", "", path.read_text(), flags=re.M)
            comment = f"{start}{version}{end}\n"
            path.write_text(comment + text if path.suffix == ".py" else text + comment)
    for name in ("deploy/later.yaml", "charts/{{cookiecutter.project_slug}}/templates/later.yaml"):
        (service / name).write_text(f"# {version}\n")
    (service / ".github/workflows").mkdir(parents=True, exist_ok=True)
    # What one version brings, the next may take away.
    (service / f".github/workflows/{LATER[0]}.yml").unlink(missing_ok=True)
    (service / f".github/workflows/{version}.yml").write_text("# The tier is {{ cookiecutter.tier }}.\n")

    # A table of the runtime's gets a column: the service's next migration has to bring it.
    (stored,) = service.glob("src/*/runtime/database/idempotency.py")
    stored.write_text(
        re.sub(r"(    body: bytes\n)(?!    tier)", r"\1    tier: int | None = None\n", stored.read_text())
    )

    # In what is shared, the lines that are nearest to the team's.
    zeros = ".0" * (LATER.index(version) + 1)
    project = (service / "pyproject.toml").read_text()
    project = re.sub(r"^(requires-python = .*?)( #.*)?$", rf"\1 # {version}", project, flags=re.M)
    project = re.sub(r'^(  ".+>=[\d.]+?)(\.0)*",\n\n', rf'\1{zeros}",\n\n', project, flags=re.M)
    project = re.sub(r'(skip = \[\n(?:  "(?!later).*",\n)+)(  "later.*\n)?', rf'\1  "later-{version}",\n', project)
    if NEW_DEPENDENCY not in project:
        project = project.replace("dependencies = [\n", f'dependencies = [\n  "{NEW_DEPENDENCY}",\n', 1)
    (service / "pyproject.toml").write_text(project)
    ignored = (service / ".gitignore").read_text()
    (service / ".gitignore").write_text(re.sub(r"^dist.*$", f"dist-{version}/", ignored, flags=re.M))
    runbook = (service / "docs/runbook.md").read_text()
    (service / "docs/runbook.md").write_text(re.sub(r"(in a pod\.).*", rf"\1 Since {version}.", runbook))


def environment(home: Path) -> dict[str, str]:
    """Return that of a person whose own settings do not matter here."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), **ENVIRONMENT}


def create(template: Path, version: str, folder: Path) -> Path:
    """Create a service by cruft and return its folder."""
    command = [CRUFT, "create", str(template), "--checkout", version, "--no-input"]
    command += ["--output-dir", str(folder / "made"), "--extra-context", json.dumps(SHORTEST)]
    subprocess.run(command, env=environment(folder), check=True, capture_output=True)
    (service,) = (folder / "made").iterdir()
    return service

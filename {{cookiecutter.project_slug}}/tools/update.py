# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Takes a later version of the template, by cruft, and leaves it to be reviewed: `make update`."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

STATE = Path(".cruft.json")


def output(*command: str, given: str = "") -> str:
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True).stdout


def refuse_what_can_not_be_updated() -> None:
    """Raises SystemExit: the service is not linked to its template, or what is not committed could be lost."""
    if not STATE.exists():
        sys.exit(
            f"There is no {STATE}: this service is not linked to its template yet. Once, with the template's address:\n"
            f"  .venv/bin/uvx cruft@2.16.0 link <address> --checkout v{version()}\n"
            "Answer as when it was made; then commit, and `make update`."
        )
    inside = subprocess.run(["git", "rev-parse", "--is-inside-work-tree"], capture_output=True, check=False)
    if inside.returncode:
        sys.exit("This folder is not in git, which brings the template's changes and yours together. Try: git init")
    if changed := output("git", "status", "--porcelain"):
        sys.exit(f"Commit or stash these first, so that the update stands alone, to be reviewed or undone:\n{changed}")


def version() -> str:
    """Return the template's version that the service has."""
    (path,) = Path("src").glob("*/runtime/VERSION")
    return path.read_text().strip()


def references(template: str) -> list[str]:
    """Return the names of the template's branches and tags.

    Raises:
        SystemExit: git can't reach it.
    """
    command = ["git", "ls-remote", "--refs", template]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"There is no template to be reached at {template}, its address in {STATE}:\n{result.stderr}")
    return re.findall(r"\trefs/(?:heads|tags)/(.+)$", result.stdout, re.M)


def newest_release(names: list[str]) -> str | None:
    """Return the newest of the releases, which are tags such as v1.2.0, or None where there is none."""
    releases = [name for name in names if re.fullmatch(r"v\d+\.\d+\.\d+", name)]
    return max(releases, key=lambda name: [int(number) for number in name[1:].split(".")], default=None)


def run(*command: str) -> None:
    """Run cruft. What it prints is for a new service, unless it fails, and then SystemExit is raised."""
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        sys.exit(result.stdout + "This is what cruft said; nothing was changed.")


def bring_common_ancestors(cruft: list[str], state: dict[str, Any]) -> None:
    """Put the template's files as the service last took them into git's objects.

    With them git merges a file that both sides have changed. A fresh clone has only what such a merge once made, and
    there every change near one of yours would be a conflict.
    """
    answers = {name: value for name, value in state["context"]["cookiecutter"].items() if not name.startswith("_")}
    with tempfile.TemporaryDirectory() as folder:
        created = ["create", state["template"], "--no-input", "--output-dir", folder, "--checkout", state["commit"]]
        run(*cruft, *created, "--extra-context", json.dumps(answers))
        files = [str(path) for path in Path(folder).rglob("*") if path.is_file()]
        output("git", "hash-object", "-w", "--no-filters", "--stdin-paths", given="\n".join(files))


def conflicts() -> list[str]:
    """Return the files in which an update and the service's own changes meet."""
    merged = output("git", "diff", "--name-only", "--diff-filter=U", "--relative")
    return sorted({*merged.splitlines(), *output("git", "ls-files", "--others", "*.rej").splitlines()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", help="a tag, branch or commit of the template; without it, the newest release")
    parser.add_argument("cruft", nargs="+", help="the command that is cruft")
    arguments = parser.parse_args()
    refuse_what_can_not_be_updated()
    state = json.loads(STATE.read_text())
    names = references(state["template"])
    update = [*arguments.cruft, "update", "--skip-apply-ask"]
    if arguments.to:
        if arguments.to not in names and not re.fullmatch(r"[0-9a-f]{7,40}", arguments.to):
            sys.exit(f"{arguments.to} is no tag, branch or commit of the template. There are: {', '.join(names)}")
        update += ["--checkout", arguments.to]
    elif release := newest_release(names):
        # A service that was made after that release stays where it is.
        update += ["--checkout", release, "--not-strict"]
    bring_common_ancestors(arguments.cruft, state)
    run(*update)
    if found := conflicts():
        sys.exit(
            "The template and this service have changed the same lines:\n  " + "\n  ".join(found) + "\n"
            "Edit each: in a file both versions stand between <<<<<<< and >>>>>>>; a .rej is what did not fit, to be\n"
            "put in by hand and deleted. Then `make lock UPGRADE=`, `make docs check test`, and commit.\n"
            "To give it up: git reset --hard && git clean --force -d"
        )
    taken = output("git", "status", "--porcelain")
    print(f"Took version {version()} of the template." if taken else f"{version()} is the newest version there is.")


if __name__ == "__main__":
    main()

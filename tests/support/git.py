"""Git in repositories that the tests make, with an identity of its own and nobody's settings."""

import os
import subprocess
from pathlib import Path

ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it printed.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    env = {"PATH": os.environ["PATH"], **ENVIRONMENT}
    return subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


def begin(folder: Path, message: str) -> None:
    """Make a folder a repository with all that it holds."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, message)


def commit(folder: Path, message: str, *, tag: str | None = None) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    if tag:
        git(folder, "tag", tag)

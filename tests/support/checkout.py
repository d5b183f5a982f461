"""A fresh copy of this checkout, as a clone would be once everything is committed."""

import shutil
import subprocess
from pathlib import Path

from support.baking import ROOT


def committed() -> list[Path]:
    """Return the files that are in git, or would be."""
    return [path for path in _listed() if path.is_file()]


def copy_checkout(destination: Path) -> Path:
    for path in _listed():
        target = destination / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
    return destination


def _listed() -> list[Path]:
    """Return files and links; a link may lead to a folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and ((ROOT / name).is_file() or (ROOT / name).is_symlink())]

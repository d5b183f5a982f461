"""A fresh copy of this checkout, as a clone would be once everything is committed."""

import shutil
import subprocess
from pathlib import Path

from support.baking import ROOT


def committed() -> list[Path]:
    """Return the files that are in git, or would be."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def copy_checkout(destination: Path) -> Path:
    for path in committed():
        target = destination / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return destination

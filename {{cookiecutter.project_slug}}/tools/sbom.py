# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Adds to a bill of materials the hashes that the lock allows for each package: the last step of `make sbom`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

ENTRY = re.compile(r"^([\w.-]+)==(\S+)((?:.*\\\n)+.*)", re.M)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def add_hashes(bom: dict[str, Any], lock: str) -> None:
    """Add them as the components' distributions.

    Raises:
        SystemExit: a component is not in the lock.
    """
    locked = {
        (canonical(name), version): re.findall(r"sha256:(\w+)", rest) for name, version, rest in ENTRY.findall(lock)
    }
    for component in bom["components"]:
        hashes = locked.get((canonical(component["name"]), component["version"]))
        if hashes is None:
            raise SystemExit(f"{component['purl']} is in the bill of materials and not in the lock.")
        listed = [{"alg": "SHA-256", "content": content} for content in hashes]
        distribution = {"type": "distribution", "url": component["purl"], "hashes": listed}
        component.setdefault("externalReferences", []).append(distribution)


if __name__ == "__main__":
    document, lock = map(Path, sys.argv[1:])
    bom = json.loads(document.read_text())
    add_hashes(bom, lock.read_text())
    document.write_text(json.dumps(bom, indent=2) + "\n")

"""What a lock says of the image."""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# The image, as far as a lock's markers ask.
IMAGE = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux", "os_name": "posix"}
IMAGE |= {"platform_system": "Linux", "platform_machine": "x86_64", "platform_python_implementation": "CPython"}


def packages(lock: Path) -> dict[str, set[str]]:
    """Return the purl of each package that the lock has for the image, with the hashes of its files."""
    found = {}
    for line in re.sub(r"\\\n", " ", lock.read_text()).splitlines():
        requirement = Requirement(line.split("--hash")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(dict(IMAGE)):
            (pin,) = requirement.specifier
            purl = f"pkg:pypi/{canonicalize_name(requirement.name)}@{pin.version}"
            found[purl] = set(re.findall(r"--hash=sha256:(\w+)", line))
    return found

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since httptools lets pass what a proxy in front may read otherwise (uvicorn's PR 3125; RFC 9112)."""

import re
from collections.abc import Sequence

from .limits import Limit

# RFC 3986, 3.2.2 and 3.2.3, as far as characters go.
_HOST = re.compile(rb"[\w.~%!$&'()*+,;=:\[\]-]*")


def refusal(method: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> Limit | int | None:
    """Return why a request has to be refused on account of its headers, if it has: a limit, or another status."""
    hosts = [value for name, value in headers if name == b"host"]
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if version not in ("1.0", "1.1"):
        return 505
    # A CONNECT has no body, they say; so what follows its headers could be a body to one and a request to another.
    if method == b"CONNECT":
        return 501
    # No other coding is known here; HTTP/1.0 knows none at all (6.1), and HTTP/1.1 has exactly one host (3.2).
    wrong = codings not in ([], [b"chunked"]) or (codings and version == "1.0")
    wrong = wrong or len(hosts) > 1 or (version == "1.1" and not hosts)
    return Limit.MALFORMED if wrong or not all(_HOST.fullmatch(host) for host in hosts) else None

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since httptools lets pass what a proxy in front may read otherwise (uvicorn's PR 3125; RFC 9112)."""

import re
import sys
from collections.abc import Sequence
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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


class FramedProtocol(HttpToolsProtocol):
    """HTTP/1.1 of which nothing can be read as another request than what was sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading_headers = True
        """From the end of one message to the end of the next one's headers."""
        self._fed = b""
        self._again = b""

    def feed(self, data: bytes) -> bytes:
        """Parse, and return what has to be parsed once more."""
        self._fed, self._again = data, b""
        super().data_received(data)
        return self._again

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes after the body is no header (RFC 9110, 6.5.1): the proxy in front has not looked at it.
        if self._reading_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if why := refusal(self.parser.get_method(), self.parser.get_http_version(), self.headers):
            self._refuse(why)
            raise ValueError(why)  # which stops the parser
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            self._reading_headers = False

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self._reading_headers = True

    def _unsupported_upgrade_warning(self) -> None:
        """Read the request again, without its Upgrade, which a server may ignore, by a parser that has not seen it.

        The one that has would lose the body, or take it for a request (httptools issue 124, uvicorn issue 2722).
        """
        error, rest = sys.exception(), b""
        if isinstance(error, httptools.HttpParserUpgrade):
            rest = self._fed[error.args[0] :]
        lines = [b" ".join([self.parser.get_method(), self.url, b"HTTP/" + self.parser.get_http_version().encode()])]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self._again = b"\r\n".join([*lines, b"", rest])
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def send_400_response(self, msg: str) -> None:
        self._refuse(Limit.MALFORMED)

    def _refuse(self, why: Limit | int) -> None:
        raise NotImplementedError

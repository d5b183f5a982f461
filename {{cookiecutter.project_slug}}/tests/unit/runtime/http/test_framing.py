# The template's: later versions change this file. Yours are listed in pyproject.toml.
import pytest

from {{ cookiecutter.__package }}.runtime.http.framing import (
    refusal,
)
from {{ cookiecutter.__package }}.runtime.http.limits import (
    Limit,
)

HOST, CHUNKED = (b"host", b"test"), (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize(
    ("version", "headers"),
    [
        ("1.1", [HOST]),
        ("1.1", [(b"host", b"[::1]:8000"), (b"transfer-encoding", b"CHUNKED")]),
        ("1.1", [(b"host", b"")]),
        ("1.0", []),
        ("1.0", [HOST]),
    ],
)
def test_what_is_framed_beyond_doubt_is_no_reason_to_refuse(version: str, headers: list[tuple[bytes, bytes]]) -> None:
    assert refusal(b"POST", version, headers) is None


@pytest.mark.parametrize(
    ("version", "headers"),
    [
        ("1.1", []),
        ("1.1", [HOST, HOST]),
        ("1.0", [HOST, HOST]),
        ("1.1", [(b"host", b"a b")]),
        ("1.1", [(b"host", b"a/b")]),
        ("1.1", [(b"host", "ä".encode())]),
        ("1.0", [CHUNKED]),
        ("1.1", [HOST, CHUNKED, CHUNKED]),
        ("1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")]),
        ("1.1", [HOST, (b"transfer-encoding", b"identity")]),
        ("1.1", [HOST, (b"transfer-encoding", b"")]),
    ],
)
def test_what_another_server_may_read_otherwise_is_refused(version: str, headers: list[tuple[bytes, bytes]]) -> None:
    assert refusal(b"POST", version, headers) is Limit.MALFORMED


def test_a_tunnel_and_another_version_are_not_implemented() -> None:
    assert refusal(b"CONNECT", "1.1", [HOST]) == 501
    assert refusal(b"GET", "2.0", [HOST]) == 505

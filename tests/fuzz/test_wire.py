"""Requests as bytes, broken in every way: the server answers or closes, in order, and takes nothing for a request that
is none (RFC 9112, 6.1, 6.3, 7.1, 11.2).

Each good request carries an id and a length, which its answer carries back, so that none can be taken for another's.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from support.process import Server, Service, until
from support.seed import REPEAT, SEED
from support.wire import connected

# What a connection may take to be answered and closed: far more than the server's own limits, which are set below.
SOON = 30
AT_ONCE = 60
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("wire")
    limits = {
        "APP_HTTP__HEADER_TIMEOUT": "2",
        "APP_HTTP__BODY_TIMEOUT": "2",
        "APP_HTTP__KEEP_ALIVE_TIMEOUT": "1",
        "APP_HTTP__MAX_HEADER_SIZE": "4096",
        "APP_SHUTDOWN__DRAIN": "0",
    }
    service = Service(installed, {**limits, "DATABASE_URL": f"sqlite:///{folder}/service.db"})
    service.run("migrate")
    with service.faulty().served(folder / "log") as server:
        yield server
        # Nothing stays of it, and nothing of it was an error of the service's.
        until(lambda: server.metric("http_server_active_requests") == 0, "the end of all requests")
        until(lambda: server.connections() == 0, "the end of all connections")
        assert server.metric("http_server_request_duration_seconds_count", http_response_status_code="500") == 0
        assert not [line for line in server.log() if line["level"] in ("ERROR", "CRITICAL")], REPEAT
        assert server.admin("/readyz").status_code == 200


class Good(NamedTuple):
    """A request that is answered 200, with its id and the length of its body."""

    id: str
    length: int

    @property
    def head(self) -> bytes:
        return f"POST /test/echo HTTP/1.1\r\nHost: test\r\nX-Request-ID: {self.id}\r\n".encode()

    @property
    def sent(self) -> bytes:
        return self.head + b"Content-Length: %d\r\n\r\n" % self.length + b"x" * self.length

    @property
    def answer(self) -> "Answer":
        return Answer(200, self.id, str(self.length).encode())


class Answer(NamedTuple):
    status: int
    id: str
    body: bytes


def good() -> Good:
    number = next(_NUMBERS)
    return Good(f"request-{number}", number % 1000)


_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [ -~]+\r\n((?:[!-9;-~]+: [ -~]*\r\n)+)\r\n")


def answers(received: bytes) -> list[Answer]:
    """Read what the server sent, all of which has to be answers."""
    found = []
    while received := received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"):
        match = _ANSWER.match(received)
        assert match, received
        headers = dict(line.split(b": ", 1) for line in match[2].splitlines())
        end = match.end() + int(headers[b"content-length"])
        assert len(received) >= end, received
        found.append(Answer(int(match[1]), headers[b"x-request-id"].decode(), received[match.end() : end]))
        received = received[end:]
    return found


def talk(server: Server, *conversations: Sequence[bytes]) -> list[list[Answer]]:
    """Send each conversation, part by part, on a connection of its own, and return its answers.

    Raises:
        TimeoutError: the server did not close a connection in time.
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def converse(parts: Sequence[bytes]) -> bytes:
        async with limit, connected(server) as connection:
            for number, part in enumerate(parts):
                if number:
                    await asyncio.sleep(0.002 if len(parts) == 2 else 0)  # so that it is a segment of its own
                connection.send(part)
            return await asyncio.wait_for(connection.closed(), SOON)

    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*map(converse, conversations))

    return [answers(received) for received in asyncio.run(all_of_them())]


# --- what must be refused, and what must not -------------------------------------------------------------------------

_HOST = b"Host: test\r\n"
_GET = b"GET /test/log HTTP/1.1\r\n"
_POST = b"POST /test/echo HTTP/1.1\r\n"
_CHUNKED = _POST + _HOST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    "two lengths": (400, _POST + _HOST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
    "two different lengths": (400, _POST + _HOST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a list of lengths": (400, _POST + _HOST + b"Content-Length: 2, 2\r\n\r\n{}"),
    "length and coding": (400, _POST + _HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "coding and length": (400, _POST + _HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    "a coding in HTTP/1.0": (400, _CHUNKED.replace(b"/1.1", b"/1.0") + b"0\r\n\r\n"),
    "two hosts": (400, _GET + _HOST + _HOST + b"\r\n"),
    "two different hosts": (400, _GET + _HOST + b"Host: other\r\n\r\n"),
    "no host": (400, _GET + b"\r\n"),
    "a host with a space": (400, _GET + b"Host: a b\r\n\r\n"),
    "a host with a path": (400, _GET + b"Host: a/b\r\n\r\n"),
    "a host with a user": (400, _GET + b"Host: a@b\r\n\r\n"),
    "a space before the colon": (400, _GET + _HOST + b"X : a\r\n\r\n"),
    "a coding with a space before the colon": (400, _CHUNKED.replace(b"g:", b"g :") + b"0\r\n\r\n"),
    "a name with a space": (400, _GET + _HOST + b"X Y: a\r\n\r\n"),
    "no name": (400, _GET + _HOST + b": a\r\n\r\n"),
    "no colon": (400, _GET + _HOST + b"X\r\n\r\n"),
    "a folded line": (400, _GET + _HOST + b"X: a\r\n b\r\n\r\n"),
    "a folded first line": (400, _GET + b" " + _HOST + b"\r\n"),
    "bare LF": (400, (_GET + _HOST + b"\r\n").replace(b"\r\n", b"\n")),
    "one bare LF": (400, _GET + b"Host: test\nX: a\r\n\r\n"),
    "bare CR": (400, _GET + b"Host: test\rX: a\r\n\r\n"),
    "NUL in a value": (400, _GET + _HOST + b"X: a\0b\r\n\r\n"),
    "NUL in a name": (400, _GET + _HOST + b"X\0: a\r\n\r\n"),
    "NUL in the path": (400, b"GET /a\0b HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a path that is no ASCII": (400, "GET /ä HTTP/1.1\r\n".encode() + _HOST + b"\r\n"),
    "no path": (400, b"GET  HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "no version": (505, b"GET /\r\n\r\n"),
    "HTTP/1.2": (400, _GET.replace(b"1.1", b"1.2") + _HOST + b"\r\n"),
    "HTTP/2.0": (505, _GET.replace(b"1.1", b"2.0") + _HOST + b"\r\n"),
    "HTTP/0.9": (505, _GET.replace(b"1.1", b"0.9") + _HOST + b"\r\n"),
    "HTTP/2 itself": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS": (400, bytes.fromhex("16030100a5010000a10303") + b"x" * 100),
    "an unknown method": (400, _GET.replace(b"GET", b"FETCH") + _HOST + b"\r\n"),
    "a method in lower case": (400, _GET.replace(b"GET", b"get") + _HOST + b"\r\n"),
    "CONNECT": (501, b"CONNECT test:443 HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "CONNECT with a path and a length": (501, b"CONNECT / HTTP/1.1\r\n" + _HOST + b"Content-Length: 9\r\n\r\n"),
    "an absolute address without a host": (400, b"GET http:///test/log HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a long address": (431, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a long header": (431, _GET + _HOST + b"X: " + b"a" * 9000 + b"\r\n\r\n"),
    "a long name": (431, _GET + _HOST + b"X" * 9000 + b": a\r\n\r\n"),
    "many headers": (431, _GET + _HOST + b"X:\r\n" * 3000 + b"\r\n"),
}
for length in (b"-2", b"+2", b"0x2", b"2 2", b"2.0", b"", b"9" * 30, b"18446744073709551616", "٢".encode()):
    REFUSED[f"length {length!r}"] = (400, _POST + _HOST + b"Content-Length: " + length + b"\r\n\r\n{}")
for coding in (
    b"identity",
    b"gzip",
    b"gzip, chunked",
    b"identity, chunked",
    b"chunked, gzip",
    b"chunked, identity",
    b"chunked, chunked",
    b"chunked,",
    b",chunked",
    b"chunked;q=1",
    b"xchunked",
    b"chunkedx",
    b'"chunked"',
    b"\x0bchunked",
    b"\r\n chunked",
    b"chunked\r\nTransfer-Encoding: chunked",
    b"chunked\r\nTransfer-Encoding: identity",
    b"",
):
    REFUSED[f"coding {coding!r}"] = (400, _CHUNKED.replace(b" chunked", b" " + coding) + b"2\r\n{}\r\n0\r\n\r\n")
for body in (
    b"-2\r\n{}\r\n0\r\n\r\n",
    b"+2\r\n{}\r\n0\r\n\r\n",
    b"0x2\r\n{}\r\n0\r\n\r\n",
    b" 2\r\n{}\r\n0\r\n\r\n",
    b"2 \r\n{}\r\n0\r\n\r\n",
    b"\r\n{}\r\n0\r\n\r\n",
    b"10000000000000002\r\n{}\r\n0\r\n\r\n",
    b"2\n{}\r\n0\r\n\r\n",
    b"2\r{}\r\n0\r\n\r\n",
    b"2;a\n{}\r\n0\r\n\r\n",
    b"2;a\rb\r\n{}\r\n0\r\n\r\n",
    b"2\r\n{}\n0\r\n\r\n",
    b"2\r\n{}0\r\n\r\n",
    b"2\r\n{}}\r\n0\r\n\r\n",
    b"2\r\n{}\r\n0\n\r\n",
    b"2\r\n{}\r\n0\r\n\n",
    b"2\r\n{}\r\n0\r\nContent-Length: 30\r\n\r\n",
    b"2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"2\r\n{}\r\n0\r\nX : a\r\n\r\n",
):
    REFUSED[f"chunks {body!r}"] = (400, _CHUNKED + body)


def test_what_is_refused_is_answered_in_its_turn_and_ends_the_connection(server: Server) -> None:
    """Whether it comes alone, or behind good requests, nothing after it is a request."""
    alone = talk(server, *([sent + good().sent] for _, sent in REFUSED.values()))
    for name, (status, _), got in zip(REFUSED, REFUSED.values(), alone, strict=True):
        assert [answer.status for answer in got] == [status], name
    before = [(good(), good()) for _ in REFUSED]
    after = talk(
        server,
        *(
            [first.sent + second.sent + sent + good().sent]
            for (first, second), (_, sent) in zip(before, REFUSED.values(), strict=True)
        ),
    )
    for name, (status, _), goods, got in zip(REFUSED, REFUSED.values(), before, after, strict=True):
        assert got[:2] == [request.answer for request in goods], name
        assert [answer.status for answer in got[2:]] == [status], name


def accepted(request: Good) -> dict[str, tuple[bytes, int, int]]:
    """Return requests with the id, and the statuses and lengths of their answers."""
    head, body = request.head, b"x" * 10
    chunks = head + b"Transfer-Encoding: chunked\r\n\r\n"
    upgrade = head + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    smuggled = good().sent
    return {
        "chunks": (chunks + b"a\r\n%b\r\n0\r\n\r\n" % body, 200, 10),
        "chunks with zeros": (chunks + b"0000000000000000000A\r\n%b\r\n0\r\n\r\n" % body, 200, 10),
        "chunk extensions": (chunks + b'a;b="c;d";e\r\n%b\r\n0;f\r\n\r\n' % body, 200, 10),
        "a coding in capitals": (chunks.replace(b"chunked", b"CHUNKED") + b"0\r\n\r\n", 200, 0),
        "a trailer": (chunks + b"0\r\nX-Request-ID: a-trailer\r\nContent-Type: a/b\r\n\r\n", 200, 0),
        "a length with zeros": (head + b"Content-Length: 00010\r\n\r\n" + body, 200, 10),
        "underscores": (
            head + b"Content_Length: 3\r\nTransfer_Encoding: chunked\r\nContent-Length: 10\r\n\r\n" + body,
            200,
            10,
        ),
        "a request as its body": (head + b"Content-Length: %d\r\n\r\n" % len(smuggled) + smuggled, 200, len(smuggled)),
        "an upgrade": (upgrade + b"\r\n", 200, 0),
        "an upgrade with a body": (upgrade + b"Content-Length: 10\r\n\r\n" + body, 200, 10),
        "an upgrade with chunks": (upgrade + b"Transfer-Encoding: chunked\r\n\r\na\r\n%b\r\n0\r\n\r\n" % body, 200, 10),
        "an upgrade with a request as its body": (
            upgrade + b"Content-Length: %d\r\n\r\n" % len(smuggled) + smuggled,
            200,
            len(smuggled),
        ),
        "an absolute address": (head.replace(b" /", b" http://other/") + b"\r\n", 200, 0),
        "no host to name": (head.replace(b"Host: test", b"Host:") + b"\r\n", 200, 0),
        "an IPv6 host": (head.replace(b"Host: test", b"Host: [::1]:8000") + b"\r\n", 200, 0),
        "blank lines before": (b"\r\n\r\n" + head + b"\r\n", 200, 0),
        "a body of a GET": (
            head.replace(b"POST /test/echo", b"GET /none") + b"Content-Length: 10\r\n\r\n" + body,
            404,
            -1,
        ),
        "a body of a DELETE": (head.replace(b"POST", b"DELETE") + b"Content-Length: 10\r\n\r\n" + body, 405, -1),
        "an asterisk": (head.replace(b"POST /test/echo", b"OPTIONS *") + b"\r\n", 404, -1),
    }


def test_what_is_strange_and_good_is_answered_as_any_other(server: Server) -> None:
    """In one piece, and split at its end and in its middle; between good requests."""
    for split in (False, True):
        cases, conversations = [], []
        for name in accepted(good()):
            before, strange, behind = good(), good(), good()
            sent, status, length = accepted(strange)[name]
            cases.append((name, before, strange, status, length, behind))
            whole = before.sent + sent + behind.sent
            middle = len(before.sent) + sent.index(b"\r\n\r\n", 4) + 4
            conversations.append([whole[:middle], whole[middle:]] if split else [whole])
        for (name, before, strange, status, length, behind), got in zip(
            cases, talk(server, *conversations), strict=True
        ):
            assert [(answer.status, answer.id) for answer in got] == [
                (200, before.id),
                (status, strange.id),
                (200, behind.id),
            ], name
            assert got[0] == before.answer, name
            assert length < 0 or got[1].body == str(length).encode(), name
            assert got[2] == behind.answer, name


# --- cut, split, and in a row ----------------------------------------------------------------------------------------


def test_a_request_that_is_cut_off_is_never_answered_as_a_whole_one(server: Server) -> None:
    request = Good(good().id, 20)
    for at, got in enumerate(talk(server, *([request.sent[:at]] for at in range(len(request.sent))))):
        # Closed without a word where the server saw nothing of it in time.
        assert [answer.status for answer in got] in ([], [408]), at


def test_a_request_that_is_split_anywhere_is_one_request(server: Server) -> None:
    request, behind = Good(good().id, 20), good()
    whole = request.sent + behind.sent
    for at, got in enumerate(talk(server, *([whole[:at], whole[at:]] for at in range(1, len(whole)))), start=1):
        assert got == [request.answer, behind.answer], at


def test_a_request_that_comes_byte_by_byte_is_one_request(server: Server) -> None:
    request = Good(good().id, 20)
    assert talk(server, [bytes([byte]) for byte in request.sent]) == [[request.answer]]


@pytest.mark.parametrize("broken", [False, True])
def test_hundreds_of_requests_in_a_row_are_answered_in_order(server: Server, broken: bool) -> None:
    row = [good() for _ in range(300)]
    sent = b"".join(request.sent for request in row[:200])
    sent += (b"\0\r\n\r\n" if broken else b"") + b"".join(request.sent for request in row[200:])
    for got in talk(server, [sent], [sent]):
        if broken:
            assert got[:200] == [request.answer for request in row[:200]]
            assert [answer.status for answer in got[200:]] == [400]
        else:
            assert got == [request.answer for request in row]


# --- older HTTP, and what else is rare -------------------------------------------------------------------------------


def test_http_1_0_is_answered_once_and_closed_even_where_it_wants_to_stay(server: Server) -> None:
    for wish in (b"", b"Connection: keep-alive\r\n"):
        request = good()
        sent = request.sent.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\n" + wish)
        assert talk(server, [sent + good().sent]) == [[request.answer]]


def test_who_waits_to_be_told_to_go_on_is_told(server: Server) -> None:
    async def run() -> bytes:
        async with connected(server) as connection:
            connection.send(request.head + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert await asyncio.wait_for(connection.answer(), SOON) == (100, {}, b"")
            connection.send(b"{}" + behind.sent)
            return await asyncio.wait_for(connection.closed(), SOON)

    request, behind = Good(good().id, 2), good()
    assert answers(asyncio.run(run())) == [request.answer, behind.answer]


def test_a_head_with_a_body_is_answered_without_one(server: Server) -> None:
    async def run() -> bytes:
        async with connected(server) as connection:
            head = request.head.replace(b"POST /test/echo", b"HEAD /openapi.none")
            connection.send(head + b"Content-Length: 2\r\n\r\n{}" + behind.sent)
            return await asyncio.wait_for(connection.closed(), SOON)

    request, behind = good(), good()
    first, second = _ANSWER.finditer(asyncio.run(run()))
    assert (first[1], second[1]) == (b"404", b"200")
    assert first.end() == second.start()
    assert b"x-request-id: " + behind.id.encode() in second[2]


# --- anything at all -------------------------------------------------------------------------------------------------

_LINES = [
    b"Content-Length: 5",
    b"Transfer-Encoding: chunked",
    b"Host: a",
    b"Expect: 100-continue",
    b"Connection: close",
]
_LINES += [b"Connection: Upgrade\r\nUpgrade: h2c", b"GET / HTTP/1.1"]
_MARKS = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"-1", b"chunked", b"\xff", b"\r\n\r\n"]
_PIECES = st.sampled_from([*_MARKS, *(line + b"\r\n" for line in _LINES)])
_PLACE = st.floats(0, 1, exclude_max=True)
_MUTATION = st.one_of(
    st.tuples(st.just("insert"), _PLACE, st.one_of(_PIECES, st.binary(min_size=1, max_size=4))),
    st.tuples(st.just("replace"), _PLACE, st.one_of(_PIECES, st.binary(min_size=1, max_size=1))),
    st.tuples(st.just("cut"), _PLACE, st.integers(1, 40)),
    st.tuples(st.just("repeat"), _PLACE, st.integers(1, 40)),
)


def mutated(request: bytes, mutations: Sequence[tuple[str, float, bytes | int]]) -> bytes:
    for kind, place, what in mutations:
        at = int(place * len(request))
        if isinstance(what, int):
            middle = b"" if kind == "cut" else request[at : at + what] * 2
            request = request[:at] + middle + request[at + what :]
        else:
            request = request[:at] + what + request[at + (kind == "replace") * len(what) :]
    return request


@seed(SEED)
@settings(
    max_examples=30,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    st.lists(st.tuples(st.lists(_MUTATION, min_size=1, max_size=4), _PLACE, st.booleans()), min_size=40, max_size=60)
)
def test_whatever_comes_is_answered_or_closed_and_never_mixes_answers(
    server: Server, cases: list[tuple[list[tuple[str, float, bytes | int]], float, bool]]
) -> None:
    requests, conversations = [], []
    for mutations, place, chunked in cases:
        before, victim, behind = good(), good(), good()
        sent = victim.sent
        if chunked:
            sent = victim.head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nxxxxx\r\n3;a=b\r\nxxx\r\n0\r\nX: a\r\n\r\n"
        whole = before.sent + mutated(sent, mutations) + behind.sent
        at = int(place * len(whole))
        requests.append((before, victim, behind, whole))
        conversations.append([whole[:at], whole[at:]])
    for (before, victim, behind, whole), got in zip(requests, talk(server, *conversations), strict=True):
        note(f"{whole!r}: {got}\n{REPEAT}")
        assert got
        assert got[0] == before.answer
        assert all(answer.status < 500 or answer.status in (501, 505) for answer in got)
        # Each id comes back at most once and in order, and of the last one's answer nothing is another's.
        ids = [answer.id for answer in got if answer.id in (before.id, victim.id, behind.id)]
        assert ids == sorted(ids, key=[before.id, victim.id, behind.id].index)
        assert len(ids) == len(set(ids))
        assert all(answer == behind.answer for answer in got if answer.id == behind.id)
        # Nothing comes after what ends the connection.
        ends = [number for number, answer in enumerate(got) if answer.status in (400, 408, 431, 501, 505)]
        assert ends in ([], [len(got) - 1])

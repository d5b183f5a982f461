"""Requests as bytes, broken in every way: the server answers or closes, in order, and takes nothing for a request that
is none (RFC 9112, 6.1, 6.3, 7.1, 11.2).

Each good request carries an id and a length, which its answer carries back, so that none can be taken for another's.
"""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from support.process import Server
from support.seed import REPEAT, SEED
from support.talking import ANSWER, SOON, Good, answers, good, talk
from support.wire import connected

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
    first, second = ANSWER.finditer(asyncio.run(run()))
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

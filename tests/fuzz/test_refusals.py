"""What is refused as no request, or as one that a proxy may read otherwise, and what only looks strange (RFC 9112)."""

from support.process import Server
from support.talking import Good, good, talk

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

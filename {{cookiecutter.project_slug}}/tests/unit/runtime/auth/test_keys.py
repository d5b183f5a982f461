# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The keys of an issuer that listens on this machine. (The template breaks a whole one.)"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from {{ cookiecutter.__package }}.runtime.auth import (
    keys as module,
)
from {{ cookiecutter.__package }}.runtime.auth.guard import (
    KeysUnavailable,
)
from {{ cookiecutter.__package }}.runtime.auth.keys import (
    Keys,
    usable,
)
from {{ cookiecutter.__package }}.runtime.health import (
    Unhealthy,
)

from support.server import until

DISCOVERY = "/.well-known/openid-configuration"


def jwk(kid: object = "one", **fields: Any) -> dict[str, Any]:
    public = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
    return public | {"kid": kid} | fields


class Issuer:
    """Answers each path with what is set for it, and counts."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, object]] = {}
        self.asked: list[str] = []
        self.silent = False
        self.url = ""

    def publish(self, *keys: object) -> None:
        self.answers[DISCOVERY] = ("200 OK", {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        self.answers["/keys"] = ("200 OK", {"keys": keys})

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Who asks may have gone, or never say what for.
        with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            self.asked.append(path)
            while self.silent:  # noqa: ASYNC110 - what happens elsewhere sets no event
                await asyncio.sleep(0.01)
            status, content = self.answers[path]
            body = (content if isinstance(content, str) else json.dumps(content)).encode()
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    issuer.publish(jwk())
    yield issuer
    issuer.silent = False
    server.close()


@pytest.fixture
async def keys(issuer: Issuer) -> AsyncIterator[Keys]:
    keys = Keys(issuer.url)
    keys.start()
    yield keys
    await keys.stop()


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refresh all the time."""
    for name in ("PERIOD", "LEAST_INTERVAL", "LONGEST_PAUSE"):
        monkeypatch.setattr(module, name, 0.01)


async def test_a_request_waits_for_the_first_keys(keys: Keys) -> None:
    assert await keys.find("one") is not None
    await keys.probe()


async def test_without_keys_nobody_can_say(keys: Keys, issuer: Issuer, eager: None) -> None:
    issuer.answers["/keys"] = ("500 Internal Server Error", "")
    with pytest.raises(KeysUnavailable):
        await keys.find("one")
    with pytest.raises(Unhealthy, match="The issuer answered 500"):
        await keys.probe()


async def test_a_silent_issuer_is_waited_for_no_longer_than_the_bound(
    keys: Keys, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the test would never end: the fetch itself may take an hour."""
    monkeypatch.setattr(module, "WAIT", 0.01)
    monkeypatch.setattr(module, "FETCH_TIMEOUT", 3600)
    issuer.silent = True
    with pytest.raises(KeysUnavailable):
        await keys.find("one")


async def test_a_fetch_ends_within_its_bound(
    keys: Keys, issuer: Issuer, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FETCH_TIMEOUT", 0.05)
    issuer.silent = True
    await until(lambda: isinstance(keys._error, TimeoutError))
    monkeypatch.setattr(module, "FETCH_TIMEOUT", 10)
    issuer.silent = False
    await until(lambda: keys._error is None)


async def test_an_unknown_key_is_looked_for_once_for_all(
    keys: Keys, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keys.find("one")
    issuer.publish(jwk("one"), jwk("two"))
    # Too soon after the fetch before: it is not looked for, and nobody waits.
    assert await asyncio.gather(*(keys.find("two") for _ in range(100))) == [None] * 100
    assert issuer.asked == [DISCOVERY, "/keys"]
    monkeypatch.setattr(module, "LEAST_INTERVAL", 0)
    found = await asyncio.gather(*(keys.find("two") for _ in range(100)))
    assert None not in found
    assert issuer.asked == [DISCOVERY, "/keys"] * 2


async def test_nobody_looks_for_a_key_while_the_issuer_is_away(
    keys: Keys, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keys.find("one")
    monkeypatch.setattr(module, "LEAST_INTERVAL", 0)
    issuer.answers["/keys"] = ("503 Service Unavailable", "")
    assert await keys.find("two") is None
    failed = len(issuer.asked)
    assert await asyncio.gather(*(keys.find("two") for _ in range(100))) == [None] * 100
    assert len(issuer.asked) == failed
    # Its return is noticed without anybody's asking, though a request asked for what failed.
    issuer.publish(jwk("two"))
    await until(lambda: keys._error is None)
    assert await keys.find("two") is not None
    assert await keys.find("one") is None


def other_issuer(issuer: Issuer) -> None:
    issuer.answers[DISCOVERY] = ("200 OK", {"issuer": issuer.url + "/", "jwks_uri": f"{issuer.url}/keys"})


def no_address(issuer: Issuer) -> None:
    issuer.answers[DISCOVERY] = ("200 OK", {"issuer": issuer.url})


def other_scheme(issuer: Issuer) -> None:
    issuer.answers[DISCOVERY] = ("200 OK", {"issuer": issuer.url, "jwks_uri": "ftp://127.0.0.1/keys"})


def redirect(issuer: Issuer) -> None:
    issuer.answers["/elsewhere"] = issuer.answers["/keys"]
    issuer.answers["/keys"] = (f"302 Found\r\nLocation: {issuer.url}/elsewhere", "")


def no_json(issuer: Issuer) -> None:
    issuer.answers["/keys"] = ("200 OK", "<html>")


def no_object(issuer: Issuer) -> None:
    issuer.answers["/keys"] = ("200 OK", [jwk()])


def no_list(issuer: Issuer) -> None:
    issuer.answers["/keys"] = ("200 OK", {"keys": jwk()})


def too_large(issuer: Issuer) -> None:
    issuer.answers["/keys"] = ("200 OK", {"keys": [jwk()], "padding": "x" * module.MAX_SIZE})


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (other_issuer, "names another issuer"),
        (no_address, "no jwks_uri"),
        (other_scheme, "no jwks_uri"),
        (redirect, "answered 302"),
        (no_json, "no JSON object"),
        (no_object, "no JSON object"),
        (no_list, "no key that can be used"),
        (too_large, "larger than 262144 bytes"),
    ],
)
async def test_what_an_issuer_should_not_answer_leaves_the_keys_as_they_are(
    keys: Keys, issuer: Issuer, eager: None, break_it: Callable[[Issuer], None], reason: str
) -> None:
    assert await keys.find("one") is not None
    break_it(issuer)
    await until(lambda: keys._error is not None)
    with pytest.raises(Unhealthy, match=reason):
        await keys.probe()
    assert await keys.find("one") is not None
    assert "/elsewhere" not in issuer.asked
    issuer.publish(jwk("two"))
    await until(lambda: keys._error is None)
    assert await keys.find("two") is not None


async def test_an_issuer_with_https_may_not_lead_to_http() -> None:
    keys = Keys("https://issuer.example")

    async def get(address: str) -> dict[str, Any]:
        return {"issuer": "https://issuer.example", "jwks_uri": "http://issuer.example/keys"}

    keys._get = get  # type: ignore[method-assign]
    with pytest.raises(Unhealthy, match="https://"):
        await keys._jwks()


@pytest.mark.parametrize(
    "unfit",
    [
        {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "RSA"},
        {"x": 1, "y": 2},
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": 7},
        {"alg": "RS256"},
        {"alg": "ES384"},
        {"alg": "ES256K"},
        {"alg": "HS256"},
        {"alg": "none"},
        {"alg": ["ES256"]},
        {"crv": "P-999"},
        {"kid": None},
        {"kid": ["one"]},
    ],
)
def test_a_key_that_may_not_check_tokens_is_left_out(unfit: dict[str, Any]) -> None:
    """The good one beside it is the twin."""
    assert list(usable({"keys": [jwk() | unfit, "nonsense", None, jwk("two")]})) == ["two"]


@pytest.mark.parametrize("fit", [{}, {"alg": "ES256"}, {"use": "sig"}, {"key_ops": ["verify"]}])
def test_each_key_is_for_one_algorithm(fit: dict[str, Any]) -> None:
    assert usable({"keys": [jwk(**fit)]})["one"].algorithm_name == "ES256"

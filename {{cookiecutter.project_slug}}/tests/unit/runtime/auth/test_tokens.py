# The template's: later versions change this file. Yours are listed in pyproject.toml.
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from {{ cookiecutter.__package }}.runtime.auth import (
    keys as module,
)
from {{ cookiecutter.__package }}.runtime.auth.guard import (
    Refusal,
)
from {{ cookiecutter.__package }}.runtime.auth.keys import (
    Keys,
    usable,
)
from {{ cookiecutter.__package }}.runtime.auth.tokens import (
    LEEWAY,
    Verifier,
    scopes,
)

ISSUER, AUDIENCE = "https://issuer.example", "orders"
KEY = ec.generate_private_key(ec.SECP256R1())
WEAK = rsa.generate_private_key(65537, 1024)


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch) -> Verifier:
    monkeypatch.setattr(module, "WAIT", 0)
    keys = Keys(ISSUER)
    public = ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "one"}
    weak = RSAAlgorithm.to_jwk(WEAK.public_key(), as_dict=True) | {"kid": "weak"}
    keys._keys = usable({"keys": [public, weak]})
    return Verifier(keys, ISSUER, AUDIENCE)


def token(headers: dict[str, Any] | None = None, **claims: Any) -> str:
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "exp": int(time.time()) + 60} | claims
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, KEY, "ES256", {"kid": "one"} | (headers or {}))


async def refusal(verify: Verifier, given: str) -> str:
    with pytest.raises(Refusal) as raised:
        await verify(given)
    # For a header's quoted text (RFC 6750, 3).
    assert raised.value.description.isascii()
    assert not set(raised.value.description) & set('"\\')
    return raised.value.reason


async def test_a_good_token_says_who_calls(verify: Verifier) -> None:
    caller = await verify(token(scope="a b", team="stock"))
    assert (caller.subject, caller.claims["team"]) == ("somebody", "stock")
    assert caller.scopes == {"a", "b"}


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": int(time.time()) - LEEWAY - 5}, "expired"),
        ({"nbf": int(time.time()) + 900}, "early"),
        ({"iat": int(time.time()) + 900}, "early"),
        ({"aud": "other"}, "audience"),
        ({"aud": [AUDIENCE, 7]}, "audience"),
        ({"exp": None}, "claims"),
        ({"iss": None}, "claims"),
        ({"aud": None}, "claims"),
        ({"sub": None}, "claims"),
        ({"exp": "soon"}, "malformed"),
        ({"iss": ISSUER + "/"}, "issuer"),
    ],
)
async def test_a_claim_that_does_not_fit_has_its_reason(verify: Verifier, claims: dict[str, Any], reason: str) -> None:
    assert await refusal(verify, token(**claims)) == reason
    await verify(token())


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({"kid": "two"}, "key"), ({"typ": "logout+jwt"}, "malformed"), ({"crit": ["exp"], "exp": 1}, "malformed")],
)
async def test_a_header_that_does_not_fit_has_its_reason(
    verify: Verifier, headers: dict[str, Any], reason: str
) -> None:
    assert await refusal(verify, token(headers)) == reason
    await verify(token({"typ": "at+jwt"}))


async def test_a_token_without_a_signature_or_with_a_secret_s_never_reaches_a_key(verify: Verifier) -> None:
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "exp": int(time.time()) + 60}
    assert await refusal(verify, jwt.encode(said, "", "none", {"kid": "one"})) == "algorithm"
    assert await refusal(verify, jwt.encode(said, "s" * 32, "HS256", {"kid": "one"})) == "algorithm"
    other = jwt.encode(said, rsa.generate_private_key(65537, 2048), "RS256", {"kid": "one"})
    assert await refusal(verify, other) == "algorithm"


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_key_that_is_too_short_is_none(verify: Verifier) -> None:
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "exp": int(time.time()) + 60}
    assert await refusal(verify, jwt.encode(said, WEAK, "RS256", {"kid": "weak"})) == "key"


async def test_no_changed_character_makes_another_token_or_another_error(verify: Verifier) -> None:
    good = token()
    for position in range(len(good)):
        for other in "A.=!\xff":
            if good[position] != other:
                changed = good[:position] + other + good[position + 1 :]
                with pytest.raises(Refusal):
                    await verify(changed)
    await verify(good)


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({}, set()),
        ({"scope": "a  b"}, {"a", "b"}),
        ({"scp": "a b"}, {"a", "b"}),
        ({"scp": ["a", "b", 7]}, {"a", "b"}),
        ({"scope": "a", "scp": ["b"]}, {"a", "b"}),
        ({"scope": 7, "scp": {"a": 1}}, set()),
        ({"scp": ["a b"]}, {"a b"}),
    ],
)
def test_scopes_are_a_text_or_a_list(claims: dict[str, Any], found: set[str]) -> None:
    assert scopes(claims) == found

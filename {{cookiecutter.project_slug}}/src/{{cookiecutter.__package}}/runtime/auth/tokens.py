# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Whether a token is good: signed by the issuer, for this service, and now. Imported only where the guard is on."""

from collections.abc import Mapping
from typing import Any

import jwt
from jwt import exceptions

from .guard import Principal, Refusal
from .keys import ALGORITHMS, Keys

LEEWAY = 30
"""Seconds by which the issuer's clock may differ from this one."""
TYPES = ("", "jwt", "at+jwt", "application/at+jwt")
"""RFC 9068 wants `at+jwt`, and many issuers say less. What says something else is no access token."""

# The first that fits.
_REASONS: tuple[tuple[type[Exception], str, str], ...] = (
    (exceptions.ExpiredSignatureError, "expired", "The token has expired."),
    (exceptions.ImmatureSignatureError, "early", "The token is not valid yet."),
    (exceptions.InvalidAudienceError, "audience", "The token is for another audience."),
    (exceptions.InvalidIssuerError, "issuer", "The token is another issuer's."),
    (exceptions.MissingRequiredClaimError, "claims", "The token lacks one of the claims exp, iss, aud and sub."),
    (exceptions.InvalidAlgorithmError, "algorithm", "The token's algorithm is not its key's."),
    (exceptions.InvalidSignatureError, "signature", "The token's signature is wrong."),
    (exceptions.PyJWTError, "malformed", "The token is no JSON Web Token of the form that is expected."),
)


class Verifier:
    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer, self._audience = issuer, audience

    async def __call__(self, token: str) -> Principal:
        """Return whom the token stands for.

        What its header may say of where its key is (`jwk`, `jku`, `x5c`, `x5u`) is never looked at (RFC 8725, 3.10).

        Raises:
            Refusal: it is not good.
            KeysUnavailable: nobody can say.
        """
        try:
            header = jwt.get_unverified_header(token)
            kid, kind = header.get("kid"), header.get("typ", "")
            if not isinstance(kind, str) or kind.lower() not in TYPES:
                raise exceptions.InvalidTokenError
            # Before its key is looked for, so that what can't be good costs the issuer nothing.
            if header.get("alg") not in ALGORITHMS:
                raise exceptions.InvalidAlgorithmError
            key = await self._keys.find(kid) if isinstance(kid, str) else None
            if key is None:
                raise Refusal("key", "The token's key is none of the issuer's.")
            claims = jwt.decode(
                token,
                key,
                ALGORITHMS,
                {"require": ["exp", "iss", "aud", "sub"]},
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
            )
        except exceptions.PyJWTError as error:
            reason, description = next(rest for kind, *rest in _REASONS if isinstance(error, kind))
            raise Refusal(reason, description) from None
        return Principal(claims["sub"], scopes(claims), claims)


def scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes of `scope` (RFC 9068, 2.2.3) and of `scp`, as some issuers have it: a text, or a list."""
    found: set[str] = set()
    for given in (claims.get("scope"), claims.get("scp")):
        if isinstance(given, str):
            found.update(given.split())
        elif isinstance(given, list):
            found.update(item for item in given if isinstance(item, str))
    return frozenset(found)

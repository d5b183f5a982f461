# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since PyJWT's client blocks the event loop (its issue 956): the keys with which an issuer signs tokens.

Imported only where the guard is on.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

import httpx2
import orjson
from jwt import PyJWK

from ..health import Unhealthy
from .guard import KeysUnavailable

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""The asymmetric ones of RFC 7518 and RFC 8037: who can check a token can't make one. Each key is for one of them."""
PERIOD = 300.0
"""Seconds between two refreshes: a key that the issuer withdraws is good for so long."""
LEAST_INTERVAL = 10.0
"""Seconds between two refreshes at the least, however many tokens name a key that nobody knows."""
LONGEST_PAUSE = 10.0
"""Seconds until another try after many that failed; after the first it is one, after the second two."""
FETCH_TIMEOUT = 3.0
"""Seconds that a refresh may take, with both of its documents."""
WAIT = 1.0
"""Seconds that a request waits for a refresh that may bring its key."""
MAX_SIZE = 262_144
"""Bytes of a document."""


class Keys:
    """The issuer's keys: refreshed in the background, and kept while it is away.

    Args:
        issuer: its address, where its document is found (OpenID Connect Discovery 1.0, 4).
    """

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: dict[str, PyJWK] | None = None
        self._failures = 0
        self._error: Exception | None = Unhealthy("The keys were not fetched yet.")
        self._began = 0.0
        self._wanted = asyncio.Event()
        self._settled = asyncio.Event()

    def start(self) -> None:
        # One for all refreshes: what it needs for TLS takes some 20 ms to make.
        self._client = httpx2.AsyncClient(timeout=FETCH_TIMEOUT)
        self._task = asyncio.create_task(self._refresh_for_ever(), name="keys of the issuer")

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._client.aclose()

    async def probe(self) -> None:
        """Tell how the last refresh went, without asking for another; the first one is waited for.

        Raises:
            Unhealthy: it failed.
        """
        if self._keys is None:
            await self._wait()
        if self._error is not None:
            reason = str(self._error) if isinstance(self._error, Unhealthy) else type(self._error).__name__
            raise Unhealthy(reason) from self._error

    async def find(self, kid: str) -> PyJWK | None:
        """Return the key, or None where the issuer has none of this name.

        An unknown one may be new, so it is worth a refresh: of all requests together one in `LEAST_INTERVAL`, and none
        while the issuer is away, so that nobody waits for it in vain.

        Raises:
            KeysUnavailable: there are no keys yet.
        """
        if not self._failures and (self._keys is None or kid not in self._keys):
            if self._settled.is_set() and monotonic() - self._began >= LEAST_INTERVAL:
                self._settled.clear()
                self._wanted.set()
            await self._wait()
        if self._keys is None:
            raise KeysUnavailable
        return self._keys.get(kid)

    async def _wait(self) -> None:
        """Wait for the end of a refresh that is under way."""
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT):
                await self._settled.wait()

    async def _refresh_for_ever(self) -> None:
        while True:
            self._settled.clear()
            self._wanted.clear()
            self._began = monotonic()
            try:
                async with asyncio.timeout(FETCH_TIMEOUT):
                    self._keys = usable(await self._jwks())
            except Exception as error:  # noqa: BLE001 - whatever it was, the keys that are known stay good
                self._failures, self._error = self._failures + 1, error
            else:
                self._failures, self._error = 0, None
            self._settled.set()
            period = min(float(self._failures), LONGEST_PAUSE) if self._failures else PERIOD
            with suppress(TimeoutError):
                async with asyncio.timeout(period * random.uniform(0.9, 1.1)):  # nosec B311 # noqa: S311 - spreads load
                    await self._wanted.wait()

    async def _jwks(self) -> Mapping[str, Any]:
        # Without its last slash (OpenID Connect Discovery 1.0, 4.1), where the issuer is compared with it (4.3).
        document = await self._get(self._issuer.removesuffix("/") + "/.well-known/openid-configuration")
        if document.get("issuer") != self._issuer:
            raise Unhealthy("The issuer's document names another issuer; APP_AUTH__ISSUER must be it to the letter.")
        address = document.get("jwks_uri")
        if not isinstance(address, str) or not address.startswith(("https://", self._issuer.partition("//")[0] + "//")):
            raise Unhealthy("The issuer's document has no jwks_uri that begins with https://.")
        return await self._get(address)

    async def _get(self, address: str) -> Mapping[str, Any]:
        """Return a JSON object. A redirect is not followed: where it leads to was configured by nobody."""
        # Not compressed, as a small answer could be a very large document.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream("GET", address, headers=headers) as answer:
            if answer.status_code != 200:
                raise Unhealthy(f"The issuer answered {answer.status_code}.")
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > MAX_SIZE:
                    raise Unhealthy(f"The issuer's answer is larger than {MAX_SIZE} bytes.")
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise Unhealthy("The issuer's answer is no JSON object.")
        return document


def usable(jwks: Mapping[str, Any]) -> dict[str, PyJWK]:
    """Return the keys that can check a signature (RFC 7517, 4), each for the one algorithm that it is for.

    Raises:
        Unhealthy: there is none.
    """
    listed = jwks.get("keys")
    found = {}
    for jwk in listed if isinstance(listed, list) else []:
        try:
            kid, key = jwk["kid"], PyJWK(jwk)
            for_signatures = jwk.get("use", "sig") == "sig" and "verify" in jwk.get("key_ops", ["verify"])
            too_short = key.Algorithm.check_key_length(key.Algorithm.prepare_key(key.key))
        except Exception:  # nosec B112 # noqa: BLE001, S112 - others may be good
            continue
        if isinstance(kid, str) and for_signatures and key.algorithm_name in ALGORITHMS and not too_short:
            found[kid] = key
    if not found:
        raise Unhealthy("The issuer has no key that can be used.")
    return found

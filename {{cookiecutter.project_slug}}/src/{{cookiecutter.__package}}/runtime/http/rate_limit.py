# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since `limits` asks Redis twice for what the headers say and keeps every address in memory: GCRA."""

import asyncio
import logging
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, cast

from cachetools import LRUCache

from ..cache.breaker import CircuitBreaker
from ..observability import metrics
from ..sections import RateLimitSettings

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger = logging.getLogger(__name__)

MEMORY_CLIENTS = 10_000
"""Clients that a replica remembers; of more, those that were away longest are forgotten."""
IPV6_PREFIX = 64
"""Bits that count as one client: each customer of a network has so many addresses (RFC 6177)."""
_UNKNOWN = "unknown"
_NOTHING = 1e-6
"""Seconds that floating point may add or leave."""

# Of each client one number is kept: when its whole quota will be there again. A request puts that off by its share of
# the window, and is refused where it would then be further away than the window. The times are the server's, so that
# replicas' clocks don't matter; in microseconds, which Lua's numbers hold exactly, and its tostring() does not.
_SCRIPT = """
local time = redis.call("TIME")
local now = time[1] * 1000000 + time[2]
local share, window, owed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = math.max(tonumber(redis.call("GET", KEYS[1]) or 0), now + owed)
local allowed = full + share - now < window + 1
if allowed then full = full + share end
if allowed or owed > 0 then
  redis.call("SET", KEYS[1], string.format("%.0f", full), "PX", math.ceil((full - now) / 1000) + 1)
end
return {allowed and 1 or 0, full - now}
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    retry_after: int
    """Whole seconds until a request will be allowed, if no other comes before."""
    headers: list[tuple[bytes, bytes]]
    """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, 3 and 4)."""


class RateLimiter:
    """Allows each client so many requests at once, and gives them back evenly over the window.

    Redis counts for all replicas. While it does not answer, at the cost of `timeout` seconds each time it is tried,
    this replica counts alone: it goes on from what it last heard, and tells Redis when that is back.
    """

    def __init__(
        self, settings: RateLimitSettings, requests: int, redis: "Redis | None", prefix: str, timeout: float
    ) -> None:
        self._window = float(settings.window)
        self._share = self._window / requests
        self._policy = f'"default";q={requests};w={settings.window}'.encode()
        self._script = redis.register_script(_SCRIPT) if redis is not None else None
        self._prefix = prefix + ":rate:"
        self._timeout = timeout
        # The first failure opens it: every request comes here.
        self._breaker = CircuitBreaker(metrics.RATE_LIMIT_CIRCUIT_OPEN, failures=1)
        self._clients: LRUCache[str, tuple[float, bool]] = LRUCache(MEMORY_CLIENTS)
        """When each one's quota will be whole again, and whether Redis has yet to hear of it."""

    async def take(self, host: str | None) -> Verdict:
        """Count a request of the client at an address. Raises nothing, whatever Redis does."""
        client = client_of(host)
        allowed, full_in = await self._ask_redis(client) or self._count_alone(client)
        left = max(0, int((self._window - full_in + _NOTHING) / self._share))
        headers = [
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", f'"default";r={left};t={ceil(full_in - _NOTHING)}'.encode()),
        ]
        return Verdict(allowed, max(1, ceil(full_in + self._share - self._window - _NOTHING)), headers)

    async def _ask_redis(self, client: str) -> tuple[bool, float] | None:
        if self._script is None or not self._breaker.allows():
            return None
        began = monotonic()
        known, untold = self._clients.get(client, (0.0, False))
        owed = max(0.0, known - began) if untold else 0.0
        try:
            async with asyncio.timeout(self._timeout):
                arguments = [1e6 * seconds for seconds in (self._share, self._window, owed)]
                allowed, full_in = cast(list[int], await self._script([self._prefix + client], arguments))
        except Exception as error:  # noqa: BLE001 - whatever Redis raises, the request goes on without it
            self._breaker.failed()
            logger.warning("Rate limits are this replica's own while Redis does not answer: %s", type(error).__name__)
            return None
        self._breaker.succeeded()
        self._clients[client] = began + full_in / 1e6, False
        return bool(allowed), full_in / 1e6

    def _count_alone(self, client: str) -> tuple[bool, float]:
        now = monotonic()
        full_at = max(self._clients.get(client, (0.0, False))[0], now)
        allowed = full_at + self._share - now < self._window + _NOTHING
        if allowed:
            full_at += self._share
        self._clients[client] = full_at, True
        return allowed, full_at - now


def client_of(host: str | None) -> str:
    """Return who counts as one client: an IPv4 address, or the network of an IPv6 one.

    What a trusted proxy names that is no address is all one client, so that nobody gains by making such names up.
    """
    try:
        address = ip_address(host or "")
    except ValueError:
        return _UNKNOWN
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), IPV6_PREFIX), strict=False))

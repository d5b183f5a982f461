# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What a request may use, on `request.app.state.resources`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cache.cache import Cache
from .config import RuntimeSettings
from .database.engine import Database
from .http.rate_limit import RateLimiter

if TYPE_CHECKING:
    from redis.asyncio import Redis


@dataclass(frozen=True, slots=True)
class Resources:
    settings: RuntimeSettings
    database: Database
    cache: Cache
    redis: "Redis | None"
    rate_limiter: RateLimiter | None

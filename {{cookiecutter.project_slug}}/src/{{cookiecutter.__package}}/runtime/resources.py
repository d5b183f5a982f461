"""What a request may use, on `request.app.state.resources`."""

from dataclasses import dataclass

from opentelemetry.trace import TracerProvider
from redis.asyncio import Redis

from .cache.cache import Cache
from .config import RuntimeSettings
from .database.engine import Database
from .state import State


@dataclass(frozen=True, slots=True)
class Resources:
    settings: RuntimeSettings
    state: State
    database: Database
    cache: Cache
    redis: Redis | None
    tracer_provider: TracerProvider | None

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What a service opens before its first request and closes after its last, each closing within a bound."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider

from . import service
from .admin import AdminServer, CannotListen
from .cache.cache import Cache, MemoryBackend, RedisBackend
from .config import RuntimeSettings
from .database.engine import Database
from .database.schema import schema_is_current
from .health import Check, HealthMonitor, Unhealthy
from .http.rate_limit import RateLimiter
from .observability import metrics
from .observability.tracing import shutdown_tracing
from .observability.watchdog import Watchdog
from .resources import Resources
from .state import State

if TYPE_CHECKING:
    from .auth.keys import Keys

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT = 2.0
"""Seconds that closing one resource may take."""


@asynccontextmanager
async def lifespan(
    app: FastAPI,
    settings: RuntimeSettings,
    state: State,
    tracer_provider: TracerProvider | None,
    keys: "Keys | None" = None,
) -> AsyncIterator[None]:
    with _failure_logged():
        database = Database(settings.database, lambda: settings.current_secret("DATABASE_URL"), service.NAME)
        redis = None
        if settings.redis_url:
            # Imported here: it costs some 65 ms and 7 MiB, which a service without Redis need not pay.
            from .cache.client import redis_client

            redis = redis_client(settings, lambda: settings.current_secret("REDIS_URL"))
        prefix = settings.redis.key_prefix or service.NAME
        backend = RedisBackend(redis, prefix) if redis is not None else MemoryBackend()
        patience = settings.redis.connect_timeout + settings.redis.timeout
        requests = settings.rate_limit.requests
        limiter = RateLimiter(settings.rate_limit, requests, redis, prefix, patience) if requests else None
        cache = Cache(backend, patience, settings.http.request_timeout)
        app.state.resources = Resources(settings, database, cache, redis, limiter)

        async def schema() -> None:
            if not await schema_is_current(database):
                raise Unhealthy("The schema is behind: run `migrate`.")

        hard = settings.readiness_hard_dependencies
        checks = [
            Check("database", database.ping, hard="database" in hard, gates_startup=True),
            Check("schema", schema, gates_startup=True, once=True),
        ]
        if redis is not None:
            checks.append(Check("redis", redis.ping, hard="redis" in hard, gates_startup="redis" in hard))
        if keys is not None:
            # A pod that never had the keys could only refuse, while those that have them go on without the issuer.
            checks.append(Check("issuer", keys.probe, gates_startup=True))
        health = HealthMonitor(state, checks)
        watchdog = Watchdog(state)
        admin = AdminServer(settings, health)
        metrics.APP_INFO.labels(
            service.VERSION, settings.revision, metrics.PYTHON_VERSION, service.TEMPLATE_VERSION
        ).set(1)
        watchdog.start()
        if keys is not None:
            keys.start()
        health.start()
        admin.start()
        logger.info("Admin server on port %d", admin.port)
    try:
        yield
    finally:
        await _close("health checks", health.stop())
        if tracer_provider is not None:
            await asyncio.to_thread(shutdown_tracing, tracer_provider, settings.shutdown.telemetry)
        if keys is not None:
            await _close("issuer", keys.stop())
        if redis is not None:
            await _close("redis", redis.aclose())
        await _close("database", database.close())
        watchdog.stop()
        admin.stop()


@contextmanager
def _failure_logged() -> Iterator[None]:
    """Log what keeps the service from starting; uvicorn would log it as text of many lines."""
    try:
        yield
    except CannotListen as error:
        logger.critical("%s", error)
        raise
    except Exception:
        logger.critical("The service can't start", exc_info=True)
        raise


async def _close(name: str, closing: Awaitable[object]) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await closing
    except Exception as error:
        logger.warning("Closing %s failed", name, exc_info=error)

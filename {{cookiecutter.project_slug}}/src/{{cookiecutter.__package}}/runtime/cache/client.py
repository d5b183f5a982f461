# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The Redis client: bounded waits, where redis-py's defaults wait a minute, and a span per command."""

from collections.abc import Callable
from time import perf_counter
from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.credentials import CredentialProvider
from redis.maint_notifications import MaintNotificationsConfig

from .. import service
from ..config import RuntimeSettings
from ..observability import metrics
from ..observability.lines import add_secret
from ..observability.tracing import client_span


class _Credentials(CredentialProvider):
    """Reads user and password for each new connection, so that a rotated one needs no restart."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        url = self._url()
        parts = urlsplit(url)
        password = unquote(parts.password or "")
        for secret in (url, password):
            add_secret(secret)
        return (unquote(parts.username), password) if parts.username else (password,)


class TracedRedis(Redis):
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        operation = str(args[0])
        began = perf_counter()
        try:
            with client_span(operation, {"db.system.name": "redis", "db.operation.name": operation}):
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        finally:
            metrics.OPERATION_DURATION.labels("redis", operation).observe(perf_counter() - began)


def redis_client(settings: RuntimeSettings, url: Callable[[], str]) -> TracedRedis:
    """Return a client that costs a request some hundred milliseconds at most; values are bytes."""
    parts = urlsplit(url())
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    pool = BlockingConnectionPool.from_url(
        bare,
        credential_provider=_Credentials(url) if parts.password else None,
        max_connections=settings.redis.max_connections,
        timeout=settings.redis.pool_timeout,
        socket_connect_timeout=settings.redis.connect_timeout,
        socket_timeout=settings.redis.timeout,
        retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.05), 1),
        health_check_interval=15,
        client_name=service.NAME,
        # Each is one more answer to wait for at a new connection.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        driver_info=None,
    )
    return TracedRedis.from_pool(pool)  # type: ignore[return-value]

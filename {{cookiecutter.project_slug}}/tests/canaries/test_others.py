# The template's: later versions change this file. Yours are listed in pyproject.toml.
import asyncio
import inspect
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from redis.asyncio import BlockingConnectionPool, Redis
from sqlalchemy.ext.asyncio import create_async_engine

from support.turns import order_of_service


class _Settings(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    password: SecretStr = Field(min_length=20)


class _Shown(_Settings):
    model_config = ConfigDict(hide_input_in_errors=False)


def test_pydantic_shows_a_secret_that_is_not_valid() -> None:
    """Its issues 9139 and 7461."""
    with pytest.raises(ValidationError) as shown:
        _Shown.model_validate({"password": "canary"})
    assert "canary" in str(shown.value), "the settings need not set hide_input_in_errors any more"
    with pytest.raises(ValidationError) as hidden:
        _Settings.model_validate({"password": "canary"})
    assert "canary" in str(hidden.value.errors()), "the loader may take errors() as they are"


def test_redis_waits_for_seconds() -> None:
    """Its PR 4082 chose the defaults."""
    parameters = inspect.signature(Redis).parameters
    longest = max(parameters[name].default for name in ("socket_timeout", "socket_connect_timeout"))
    pool = inspect.signature(BlockingConnectionPool).parameters["timeout"].default
    assert longest >= 1, "runtime/cache/client.py need not set the timeouts any more"
    assert pool >= 1, "runtime/cache/client.py need not set the pool's timeout any more"


def test_psycopg_waits_for_half_a_minute_to_cancel() -> None:
    """Its issue 1371 is about the wait that follows."""
    default = inspect.signature(psycopg.AsyncConnection.cancel_safe).parameters["timeout"].default
    assert default >= 5, "BoundedConnection.cancel_safe can go"


def test_psycopg_takes_no_limit_for_an_answer() -> None:
    parameters = inspect.signature(psycopg.AsyncConnection.execute).parameters
    assert "timeout" not in parameters, "BoundedConnection.wait may leave the limit to psycopg"


def test_sqlite_begins_a_write_as_a_read() -> None:
    """Which loses updates, or finds another writer when it can't wait for it any more."""
    connection = sqlite3.connect(":memory:")
    # Typed without the empty string, which is the default.
    assert str(connection.isolation_level) == "", "runtime/database/engine.py need not begin by itself any more"
    connection.close()


async def test_sqlalchemy_serves_who_comes_before_who_waits(tmp_path: Path) -> None:
    """Its issue 7679."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/canary.db", pool_size=1, max_overflow=0)
    served = await order_of_service(engine)
    await engine.dispose()
    assert served[0] == "newcomer", "runtime/database/pool.py may leave the turns to SQLAlchemy"


class _Slow(SpanExporter):
    seconds = 0.3

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        time.sleep(self.seconds)
        return SpanExportResult.SUCCESS


def test_opentelemetry_flushes_for_longer_than_it_is_told() -> None:
    """Its issue 4568."""
    processor = BatchSpanProcessor(_Slow())
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    provider.get_tracer("canary").start_span("canary").end()
    began = time.monotonic()
    processor.force_flush(timeout_millis=1)
    took = time.monotonic() - began
    provider.shutdown()
    assert took >= _Slow.seconds, "shutdown_tracing may leave the bound to the SDK"


async def test_wait_for_swallows_a_cancellation_before_python_3_12() -> None:
    """Python's issue 86296: redis-py and psycopg call it."""
    swallowed = False
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        nonlocal swallowed
        await asyncio.wait_for(answer, 60)
        swallowed = True

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    # Both at once: the answer comes, and the task is cancelled.
    answer.set_result(None)
    waiting.cancel()
    await asyncio.wait([waiting])
    mended = "with Python 3.12 as the oldest, HealthMonitor.stop may cancel once"
    assert swallowed == (sys.version_info < (3, 12)), mended

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What becomes of log records whose reader stalls."""

import json
import logging
import os
import select
from collections import Counter
from typing import Any

import pytest

from {{ cookiecutter.__package }}.runtime.observability import (
    logs,
)
from {{ cookiecutter.__package }}.runtime.observability.lines import (
    JsonFormatter,
)


def test_a_stalled_pipe_drops_errors_last_and_tells_its_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "CAPACITY", 100_000)
    reader, descriptor = os.pipe()
    writer = logs.LogWriter(descriptor)
    writer.setFormatter(JsonFormatter("orders", "1"))
    logger = logging.Logger("test")
    logger.addHandler(writer)

    # First the pipe itself is filled, and the writer stuck in it.
    sent = dict.fromkeys(("INFO", "WARNING", "ERROR"), 500)
    while select.select([], [descriptor], [], 0)[1]:
        logger.info("x" * 1000)
        sent["INFO"] += 1
    for level in sent:
        for _ in range(500):
            logger.log(logging.getLevelNamesMapping()[level], "x" * 1000)

    data = b""
    while b'"lost"' not in data or not data.endswith(b"\n"):
        data += os.read(reader, 1 << 16)
    lines: list[dict[str, Any]] = [json.loads(line) for line in data.splitlines()]
    kept = Counter(line["level"] for line in lines if "lost" not in line)
    (told,) = [line["lost"] for line in lines if "lost" in line]
    assert min(kept[level] for level in sent) > 10
    assert told == {level: number - kept[level] for level, number in sent.items()}


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, "", 0, message, None, None)


def test_close_waits_until_all_is_written() -> None:
    reader, descriptor = os.pipe()
    writer = logs.LogWriter(descriptor)
    for number in range(100):
        writer.handle(record(str(number)))
    writer.close()
    assert os.read(reader, 1 << 16).split() == [str(number).encode() for number in range(100)]


def test_a_closed_pipe_ends_nothing() -> None:
    reader, descriptor = os.pipe()
    os.close(reader)
    writer = logs.LogWriter(descriptor)
    writer.handle(record("unread"))
    writer.close()

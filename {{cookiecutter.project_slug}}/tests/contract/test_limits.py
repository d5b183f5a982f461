# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""docs/limits.md and the OpenAPI document say of each limit what the code does."""

import re
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import REGISTRY

from {{ cookiecutter.__package }}.runtime.http.limits import (
    Limit,
)
from {{ cookiecutter.__package }}.runtime.http.rate_limit import (
    MEMORY_CLIENTS,
)
from {{ cookiecutter.__package }}.runtime.loader import (
    variables,
)
from {{ cookiecutter.__package }}.settings import (
    Settings,
)

PAGE = Path(__file__).parents[2] / "docs/limits.md"


def documented(page: str) -> list[tuple[str, ...]]:
    """Return variable, default, status, type and reason of each row."""
    rows = [line.strip("|").split("|")[1:] for line in page.splitlines() if re.match(r"\| [a-z]", line)]
    return [tuple(cell.strip(" `") for cell in row) for row in rows]


def real() -> list[tuple[str, ...]]:
    defaults = {name: "" if field.default is None else str(field.default) for name, _, field in variables(Settings)}
    return [
        (
            limit.variable,
            defaults[limit.variable] if limit.variable else "",
            str(limit.status),
            limit.type,
            limit.reason,
        )
        for limit in Limit
    ]


def test_the_page_has_each_limit_as_it_is() -> None:
    assert documented(PAGE.read_text()) == real()
    assert f"{MEMORY_CLIENTS:,} clients" in PAGE.read_text()


def test_a_row_that_is_wrong_is_found() -> None:
    for right, wrong in (("| 413 |", "| 400 |"), ("`256`", "`255`"), (":rate`", ":rates`"), ("`body_time`", "`slow`")):
        assert documented(PAGE.read_text().replace(right, wrong)) != real()


def test_each_limit_has_its_series_before_it_is_met() -> None:
    for limit in Limit:
        assert REGISTRY.get_sample_value("requests_refused_total", {"reason": limit.reason}) is not None


async def test_the_openapi_document_names_each_limits_problem_type(app: FastAPI) -> None:
    @app.post("/test")
    async def route(body: dict[str, int]) -> dict[str, int]:
        return body

    answers = app.openapi()["paths"]["/test"]["post"]["responses"]
    for limit in Limit:
        assert f"`{limit.type}`" in answers[str(limit.status)]["description"]
    assert set(answers["429"]["headers"]) == {"Retry-After", "RateLimit-Policy", "RateLimit"}

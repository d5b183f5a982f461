"""The twelfth of the twelve: what it costs, beside bare FastAPI in the same run."""

import shutil

import pytest

from support.budgets import BUDGETS, Cost, costs, measure
from support.collector import collecting
from support.process import Service
from support.resilience import Measured

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="there is no wrk; apt-get install wrk")


def test_what_a_service_costs_is_told(service: Service, measured: Measured) -> None:
    """Told and not asserted: `make benchmark` fails where a budget is exceeded."""
    found = costs(service)
    for budget in BUDGETS:
        bare, ours = found["bare"].of(budget.what), found[budget.variant].of(budget.what)
        unit = {"processor": "µs", "time": "µs", "start": "s", "memory": "MiB"}[budget.what.split()[0]]
        verdict = ", over the budget" if ours / bare > budget.most else ""
        told = f"{ours:.3g} {unit}: {ours / bare:.2f} times{verdict}"
        pass_line = f"{budget.most:.2f} times bare FastAPI at most"
        measured(12, budget.what, pass_line, ours=told, plain=f"{bare:.3g} {unit}, bare")


def test_what_a_service_with_everything_takes_is_told(
    on_postgresql: Service, redis_url: str, measured: Measured
) -> None:
    most, slowest = 110, 1
    cost, plain = Cost(), Cost()
    with collecting() as collector:
        service = on_postgresql.given(REDIS_URL=redis_url, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
        measure(service.faulty("nested.py"), cost)
    measure(on_postgresql.bare(), plain)
    everything = "with PostgreSQL, Redis and all requests sampled"
    for what, limit, ours, bare, unit in (
        ("memory", most, cost.memory, plain.memory, "MiB"),
        ("start to first 200", slowest, cost.start, plain.start, "s"),
    ):
        told = f"{ours:.3g} {unit}" + (", over the budget" if ours > limit else "")
        measured(12, f"{what}, {everything}", f"{limit} {unit} at most", ours=told, plain=f"{bare:.3g} {unit}, bare")

# The template's: later versions change this file. Yours are listed in pyproject.toml.
import pytest
from prometheus_client import REGISTRY

from {{ cookiecutter.__package }}.runtime.cache import (
    breaker,
)
from {{ cookiecutter.__package }}.runtime.cache.breaker import (
    FAILURES,
    OPEN_FOR,
    CircuitBreaker,
)
from {{ cookiecutter.__package }}.runtime.observability import (
    metrics,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(breaker, "monotonic", clock)
    return clock


@pytest.fixture
def opened(clock: Clock) -> CircuitBreaker:
    circuit = CircuitBreaker(metrics.CIRCUIT_OPEN)
    for _ in range(FAILURES):
        assert circuit.allows()
        circuit.failed()
    return circuit


def gauge() -> float | None:
    return REGISTRY.get_sample_value("cache_circuit_open")


def test_failures_in_a_row_open_it(opened: CircuitBreaker) -> None:
    assert not opened.allows()
    assert gauge() == 1


def test_a_success_between_starts_the_row_anew(clock: Clock) -> None:
    circuit = CircuitBreaker(metrics.CIRCUIT_OPEN)
    for _ in range(2):
        for _ in range(FAILURES - 1):
            circuit.failed()
        circuit.succeeded()
    assert circuit.allows()
    assert gauge() == 0


def test_after_a_while_one_may_try_and_the_others_wait_for_what_comes_of_it(
    opened: CircuitBreaker, clock: Clock
) -> None:
    clock.now += OPEN_FOR
    assert [opened.allows() for _ in range(3)] == [True, False, False]
    opened.succeeded()
    assert [opened.allows() for _ in range(3)] == [True, True, True]
    assert gauge() == 0


def test_a_try_that_fails_leaves_it_open_for_as_long_again(opened: CircuitBreaker, clock: Clock) -> None:
    clock.now += OPEN_FOR
    assert opened.allows()
    opened.failed()
    clock.now += OPEN_FOR - 0.1
    assert not opened.allows()
    assert gauge() == 1
    clock.now += 0.1
    assert opened.allows()


def test_a_try_that_never_ends_is_followed_by_another(opened: CircuitBreaker, clock: Clock) -> None:
    clock.now += OPEN_FOR
    assert opened.allows()
    clock.now += OPEN_FOR
    assert opened.allows()

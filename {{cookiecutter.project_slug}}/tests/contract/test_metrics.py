# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The names by which dashboards and alerts know this service: a change here breaks them."""

from prometheus_client.metrics import MetricWrapperBase

from {{ cookiecutter.__package }}.runtime.observability import (
    metrics,
)

NAMES = {
    "app_draining": (),
    "app_info": ("version", "revision", "python", "template"),
    "app_ready": (),
    "auth_refusals_total": ("reason",),
    "cache_circuit_open": (),
    "cache_requests_total": ("result",),
    "db_client_connection_count": ("state",),
    "db_client_connection_max": (),
    "db_client_connection_timeouts_total": (),
    "db_client_connection_wait_time_seconds": (),
    "db_client_operation_duration_seconds": ("db_system_name", "db_operation_name"),
    "dependency_check_duration_seconds": ("name",),
    "dependency_up": ("name",),
    "event_loop_blocked_total": (),
    "event_loop_lag_seconds": (),
    "http_server_active_requests": (),
    "http_server_request_duration_seconds": (
        "http_request_method",
        "http_route",
        "http_response_status_code",
    ),
    "log_records_dropped_total": ("level",),
    "otel_spans_dropped_total": ("reason",),
    "rate_limit_circuit_open": (),
    "requests_refused_total": ("reason",),
}


def named(registered: object) -> dict[str, tuple[str, ...]]:
    """Return the runtime's metrics, as Prometheus knows them, with their labels."""
    found = {}
    for metric in vars(registered).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            suffix = "_total" if family.type == "counter" else ""
            found[family.name + suffix] = tuple(metric._labelnames)
    return found


def test_each_metric_has_its_name_and_labels() -> None:
    assert named(metrics) == NAMES

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Every metric of the runtime. Names and labels are OpenTelemetry's, where it has one, in Prometheus form."""

import platform

from prometheus_client import Counter, Gauge, Histogram

PYTHON_VERSION = platform.python_version()
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

REQUEST_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "Seconds from a request's headers to the end of its answer.",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=_SECONDS,
)
ACTIVE_REQUESTS = Gauge("http_server_active_requests", "Requests in flight.")
AUTH_REFUSALS = Counter("auth_refusals", "Requests that the guard did not let in.", ["reason"])
REQUESTS_REFUSED = Counter(
    "requests_refused", "Requests refused or given up, by the limit that they met (docs/limits.md).", ["reason"]
)
RATE_LIMIT_CIRCUIT_OPEN = Gauge(
    "rate_limit_circuit_open", "1 while this replica limits rates alone, since Redis does not answer."
)

DB_CONNECTIONS = Gauge("db_client_connection_count", "Connections in the pool.", ["state"])
DB_CONNECTIONS_MAX = Gauge("db_client_connection_max", "Connections that the pool may hold.")
DB_CONNECTION_WAIT_TIME = Histogram(
    "db_client_connection_wait_time_seconds", "Seconds until the pool gave a connection, or gave up.", buckets=_SHORT
)
DB_CONNECTION_TIMEOUTS = Counter("db_client_connection_timeouts", "Waits for a connection that were given up.")
OPERATION_DURATION = Histogram(
    "db_client_operation_duration_seconds",
    "Seconds that a database or Redis operation took.",
    ["db_system_name", "db_operation_name"],
    buckets=_SHORT,
)
CACHE_REQUESTS = Counter(
    "cache_requests",
    "Requests to the cache: hit, miss, joined to another for the same, error, or bypass while it is left alone.",
    ["result"],
)
CIRCUIT_OPEN = Gauge("cache_circuit_open", "1 while the cache is left alone after failures.")

DEPENDENCY_UP = Gauge("dependency_up", "1 while the dependency answers.", ["name"])
DEPENDENCY_CHECK_DURATION = Histogram(
    "dependency_check_duration_seconds", "Seconds that a dependency's check took.", ["name"], buckets=_SHORT
)
LOOP_LAG = Histogram(
    "event_loop_lag_seconds",
    "Seconds by which the event loop was late.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
)
LOOP_BLOCKED = Counter("event_loop_blocked", "Times that the event loop was blocked for a second or more.")
LOG_RECORDS_DROPPED = Counter("log_records_dropped", "Log records lost because nobody read them in time.", ["level"])
SPANS_DROPPED = Counter("otel_spans_dropped", "Spans lost because the collector did not take them in time.", ["reason"])

APP_INFO = Gauge("app_info", "What is running; always 1.", ["version", "revision", "python", "template"])
APP_READY = Gauge("app_ready", "1 while readiness succeeds.")
APP_DRAINING = Gauge("app_draining", "1 from SIGTERM on.")

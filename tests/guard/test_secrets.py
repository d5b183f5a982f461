"""Canaries in every place that a secret can come from are found nowhere that somebody reads."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from support.collector import Collector, collecting
from support.process import Server, Service, until
from support.servers import Running, free_port, new_database, sql

Send = Callable[[httpx2.Client, str], object]
TRACE = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
JSON = {"Content-Type": "application/json"}


def given(name: str) -> Send:
    """A header of a request that succeeds, and of others that fail in several ways."""

    def send(client: httpx2.Client, canary: str) -> None:
        headers = {name: canary}
        for path in ("/v1/items", "/no-such-path", "/test/fail?text=harmless", "/v1/items?limit=many"):
            client.get(path, headers=headers)

    return send


def twice(client: httpx2.Client, canary: str) -> None:
    """Meet the unique constraint, through which drivers show the value."""
    answers = [client.post("/v1/items", json={"name": canary}).status_code for _ in range(2)]
    assert answers == [201, 409]


def same_key(client: httpx2.Client, canary: str) -> None:
    for number in range(2):
        client.post("/v1/items", json={"name": f"{number}{uuid4()}"}, headers={"Idempotency-Key": canary})


SENT: dict[str, Send] = {
    "x-any-header": given("X-Any-Header"),
    "authorization": given("Authorization"),
    "cookie": given("Cookie"),
    # Not of an identifier's form: one that is, is logged on purpose.
    "x-request-id": lambda client, canary: given("X-Request-ID")(client, canary + "!"),
    "traceparent": given("traceparent"),
    "tracestate": given("tracestate"),
    "baggage": lambda client, canary: given("baggage")(client, "key=" + canary),
    "if-none-match": given("If-None-Match"),
    "user-agent": given("User-Agent"),
    "referer": given("Referer"),
    "query": lambda client, canary: client.get(f"/v1/items?token={canary}&limit={canary}&cursor={canary}"),
    "path": lambda client, canary: (client.get(f"/v1/items/{canary}"), client.get(f"/{canary}")),
    "method": lambda client, canary: client.request(canary, "/v1/items"),
    "body-that-is-wrong": lambda client, canary: client.post("/v1/items", json={"name": {"a": canary}, "x": canary}),
    "body-that-is-broken": lambda client, canary: client.post("/v1/items", content='{"name": ' + canary, headers=JSON),
    "body-that-is-no-json": lambda client, canary: client.post("/v1/items", content=canary),
    "parameter-that-is-not-unique": twice,
    "parameter-of-a-statement-that-fails": lambda client, canary: client.get(
        "/test/run_sql", params={"wanted": canary}
    ),
    "input-of-a-model": lambda client, canary: client.get("/test/validate", params={"wanted": canary}),
    "answer-that-is-wrong": lambda client, canary: client.get("/test/answer_wrongly", params={"wanted": canary}),
    "idempotency-key": same_key,
    "credential-in-an-exception": lambda client, canary: client.get(
        "/test/fail", params={"text": "refused " + canary}, headers={"Authorization": "Bearer " + canary}
    ),
    "credential-in-the-query-and-an-exception": lambda client, canary: client.get(
        "/test/fail", params={"text": "refused " + canary, "access_token": canary}
    ),
    "credential-that-a-route-logs": lambda client, canary: client.get(
        "/test/tell", headers={"Authorization": "Bearer " + canary}
    ),
}
"""Each place of a request, and how a canary is sent in it."""
ECHOED = {"parameter-that-is-not-unique"}
"""Places whose canary the caller rightly gets back: what was created is shown."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting(keeps=True) as collector:
        yield collector


def admin_texts(server: Server) -> dict[str, str]:
    """Return what the admin port says, each with a text that it must hold."""
    paths = ("/info", "/livez?verbose", "/readyz?verbose", "/startupz?verbose", "/metrics")
    texts = {path: server.admin(path).text for path in paths}
    headers = {"Accept": "application/openmetrics-text"}
    return texts | {"OpenMetrics": httpx2.get(server.admin_url + "/metrics", headers=headers, timeout=10).text}


MARKERS = {
    "log": '"logger":"access"',
    "spans": "/v1/items",
    "answers": "urn:problem-type:item-name-taken",
    "/info": "template_version",
    "/livez?verbose": "lag_seconds",
    "/readyz?verbose": "failing_since",
    "/startupz?verbose": "checks",
    "/metrics": 'http_route="/v1/items"',
    "OpenMetrics": "trace_id",
}
"""Each sink, and what is found in it, so that nothing found means something."""


def found(canaries: dict[str, str], sinks: dict[str, str]) -> list[str]:
    return [
        f"{place} in {sink}" for place, canary in canaries.items() for sink, text in sinks.items() if canary in text
    ]


@pytest.fixture(params=["sqlite", "postgresql"])
def on_either(request: pytest.FixtureRequest, service: Service) -> Service:
    if request.param == "sqlite":
        return service
    postgresql: Running = request.getfixturevalue("postgresql")
    service = service.given(DATABASE_URL=new_database(postgresql))
    service.run("migrate")
    return service


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_what_a_caller_sends_is_found_nowhere(
    on_either: Service, collector: Collector, redis_url: str, tmp_path: Path, level: str
) -> None:
    canaries = {place: f"canary-{uuid4().hex}" for place in SENT}
    answers: dict[str, str] = {}
    variables = {
        "LOG_LEVEL": level,
        "REDIS_URL": redis_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "APP_HTTP__DOCS": "true",
    }
    place = ""

    def keep(response: httpx2.Response) -> None:
        response.read()
        answers[place] = answers.get(place, "") + f"{response.status_code} {response.headers} {response.text}\n"

    with on_either.given(**variables).faulty().served(tmp_path / "log") as server:
        with httpx2.Client(base_url=server.url, timeout=20, event_hooks={"response": [keep]}) as client:
            client.headers.update(TRACE)
            for place, send in SENT.items():
                send(client, canaries[place])
            # The twin: a route that leaks.
            place = "twin"
            twin = {"twin": f"canary-{uuid4().hex}"}
            client.get("/test/tell", headers={"X-Told": twin["twin"]})
        sinks = admin_texts(server)
    sinks |= {"log": (tmp_path / "log").read_text(), "spans": collector.received.decode(errors="replace")}
    shown = {f"the answer to {place}": text for place, text in answers.items() if place not in ECHOED}
    assert not "\n".join(found(canaries, sinks | shown))
    assert found(twin, sinks) == ["twin in log"]
    sinks["answers"] = "".join(answers.values())
    assert [sink for sink, marker in MARKERS.items() if marker not in sinks[sink]] == []


CONFIGURED = {
    "DATABASE_URL": "postgresql://guarded:{}@127.0.0.1:{}/postgres?sslpassword={}",
    "REDIS_URL": "redis://user:{}@127.0.0.1:{}/0",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20{}",
}


@pytest.mark.parametrize("source", ["environment", "files"])
def test_what_is_configured_is_found_nowhere(
    installed: Path, postgresql: Running, collector: Collector, tmp_path: Path, source: str
) -> None:
    """By a database that refuses its password, a Redis that is not there, and a collector that is."""
    canaries = {name: f"canary-{uuid4().hex}" for name in CONFIGURED}
    sql(postgresql, "DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN PASSWORD 'another'")
    ports = {"DATABASE_URL": postgresql.url.rpartition(":")[2].partition("/")[0], "REDIS_URL": str(free_port())}
    values = {
        name: text.format(canaries[name], ports.get(name, ""), canaries[name]) for name, text in CONFIGURED.items()
    }
    variables = {"LOG_LEVEL": "DEBUG", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "APP_SHUTDOWN__DRAIN": "0"}
    if source == "environment":
        variables |= values
    else:
        (tmp_path / "secrets").mkdir()
        for name, value in values.items():
            (tmp_path / "secrets" / name).write_text(value + "\n")
        variables["APP_SECRETS_DIR"] = str(tmp_path / "secrets")
    with Service(installed, variables).faulty().served(tmp_path / "log", ready=False) as server:
        until(lambda: "password authentication failed" in (tmp_path / "log").read_text(), "a word on the password")
        told = "".join(httpx2.get(f"{server.url}{path}", timeout=20).text for path in ("/v1/items", "/no-such-path"))
        for canary in canaries.values():
            told += httpx2.get(f"{server.url}/test/fail", params={"text": f"known: {canary}"}, timeout=20).text
        sinks = admin_texts(server) | {"answers": told}
    sinks |= {"log": (tmp_path / "log").read_text(), "spans": collector.received.decode(errors="replace")}
    assert not "\n".join(found(canaries, sinks))
    assert sinks["log"].count("known: ***") >= len(canaries)


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"DATABASE_URL": "postgresql://user:{}@/name"}, 78),
        ({"DATABASE_URL": "mysql://user:{}@host/name"}, 78),
        ({"REDIS_URL": "redis://user:{}@host:port/0"}, 78),
        ({"APP_HTTP__MAX_IN_FLIGHT": "{}"}, 78),
        ({"APP_HTTP__FORWARDED_ALLOW_IPS": "{}"}, 78),
        ({"APP_{}": "1", "APP_ENV": "{}!"}, 78),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://user:{}@host"}, 78),
        ({"REDIS_URL": "redis://user:{}@127.0.0.1:1/0", "APP_REVISION": "fails at the start"}, 1),
        ({"REDIS_URL": "redis://user:{}@127.0.0.1:1/0", "APP_ADMIN__HOST": "192.0.2.1"}, 3),
    ],
)
def test_a_start_that_fails_tells_no_secret(service: Service, variables: dict[str, str], code: int) -> None:
    canary = f"canary-{uuid4().hex}"
    # A variable's own name is none.
    given = {name.format("UNKNOWN"): value.format(canary) for name, value in variables.items()}
    service = service.given(LOG_LEVEL="DEBUG", **given)
    # The commands tell a wrong setting; what fails later is the faulty application.
    result = (service if code == 78 else service.faulty()).on_free_ports().run("serve", code=code)
    assert canary not in result.stdout + result.stderr
    assert '"level":"CRITICAL"' in result.stdout + result.stderr

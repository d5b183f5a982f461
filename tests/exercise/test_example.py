"""The whole of the example on four real servers: SQLite and PostgreSQL, with and without Redis, answer the same."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import jsonschema
import pytest

from support.caller import Caller, Exchange, caller
from support.process import Service

CANARY = "canary"
"""Is in each thing that a caller sends and that is refused."""
INTERNALS = re.compile(
    r"traceback|exception|\.py\b|sqlalchemy|psycopg|sqlite|postgres|redis|pydantic|select |insert ", re.I
)
UNKNOWN = "/v1/items/6f0f8b0e-0000-4000-8000-000000000000"
PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}
JSON = {"content-type": "application/json"}


def tour(call: Caller) -> None:
    """Everything that a caller can do with items, and everything that can be wrong with it."""
    tea = call.send(201, "POST", "/v1/items", json={"name": "Tea", "description": "Grün ☕ 😀"})
    place, first = tea.headers["location"], tea.headers["etag"]

    # What is there is got, whole or not at all.
    assert call.send(200, "GET", place).json() == tea.json()
    call.send(200, "GET", place)
    call.send(200, "GET", place.upper().replace("/V1/ITEMS", "/v1/items"))
    call.send(200, "HEAD", place)
    call.send(304, "GET", place, headers={"If-None-Match": first})
    call.send(304, "GET", place, headers={"If-None-Match": f'"other", W/{first}'})
    call.send(304, "GET", place, headers={"If-None-Match": "*"})
    call.send(200, "GET", place, headers={"If-None-Match": '"other"'})
    call.send(404, "GET", UNKNOWN)
    call.send(404, "HEAD", UNKNOWN)
    call.send(422, "GET", f"/v1/items/{CANARY}")
    call.send(404, "GET", f"/{CANARY}")

    # A name is taken once, also by two at once.
    call.send(409, "POST", "/v1/items", json={"name": "Tea", "description": CANARY})
    call.at_once([201, 409, 409], "POST", "/v1/items", json={"name": "tea"})
    call.send(201, "POST", "/v1/items", json={"name": "😀" * 100, "description": None})

    # A POST with a key is done once, however often it is sent.
    key = {"Idempotency-Key": "coffee"}
    coffee = call.send(201, "POST", "/v1/items", json={"name": "Coffee"}, headers=key)
    replayed = call.send(201, "POST", "/v1/items", json={"name": "Coffee"}, headers=key)
    assert (replayed.content, replayed.headers["location"]) == (coffee.content, coffee.headers["location"])
    at_once = call.at_once([201] * 4, "POST", "/v1/items", json={"name": "Water"}, headers={"Idempotency-Key": "water"})
    assert len({answer.content for answer in at_once}) == 1
    call.send(422, "POST", "/v1/items", json={"name": CANARY}, headers=key)
    call.send(422, "POST", "/v1/items", json={"name": CANARY}, headers={"Idempotency-Key": CANARY * 50})
    # A refusal is not kept: the same key succeeds once the name is free.
    call.send(409, "POST", "/v1/items", json={"name": "Tea"}, headers={"Idempotency-Key": "refused"})

    # Pages neither skip nor repeat.
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for length in (2, 2, 1):
        page = call.send(200, "GET", "/v1/items", params={"limit": "2", **cursor}).json()
        assert len(page["items"]) == length
        seen += [item["name"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert cursor == {"cursor": None}
    assert seen == ["Water", "Coffee", "😀" * 100, "tea", "Tea"]
    call.send(200, "GET", "/v1/items")
    call.send(200, "HEAD", "/v1/items")
    for refused in ({"limit": "0"}, {"limit": "101"}, {"limit": CANARY}, {"cursor": CANARY}, {"cursor": ""}):
        call.send(422, "GET", "/v1/items", params=refused)
    # [["1-01-01", …]], [1, 2] and a time without zone, as Base64.
    for cursor_text in ("W1siMS0wMS0wMSIsMV1d", "WzEsMl0", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwiYSJd"):
        call.send(422, "GET", "/v1/items", params={"cursor": cursor_text})

    # A change needs the version that it changes, and one of many at once wins.
    call.send(428, "PATCH", place, json={"name": CANARY})
    for stale in ('"0"', f"W/{first}", CANARY, '"' + CANARY + '"'):
        call.send(412, "PATCH", place, json={"name": CANARY}, headers={"If-Match": stale})
    changed = call.send(200, "PATCH", place, json={"description": None}, headers={"If-Match": first})
    assert changed.json()["name"] == "Tea"
    assert call.send(200, "GET", place, headers={"If-None-Match": first}).json() == changed.json()
    call.send(412, "PATCH", place, json={"name": CANARY}, headers={"If-Match": first})
    call.send(409, "PATCH", place, json={"name": "Coffee"}, headers={"If-Match": changed.headers["etag"]})
    call.send(422, "PATCH", place, json={"name": None}, headers={"If-Match": changed.headers["etag"]})
    call.send(200, "PATCH", place, json={}, headers={"If-Match": "*"})
    second = {"If-Match": call.send(200, "GET", place).headers["etag"]}
    call.at_once([200, 412, 412, 412], "PATCH", place, json={"name": "Green tea"}, headers=second)
    call.send(404, "PATCH", UNKNOWN, json={"name": CANARY}, headers={"If-Match": "*"})
    call.send(422, "PATCH", f"/v1/items/{CANARY}", json={"name": CANARY}, headers={"If-Match": "*"})

    # What is no item is refused before it is looked at further.
    wrong: list[Any] = [
        {}, [], None, CANARY, {"name": ""}, {"name": "  "}, {"name": 7}, {"name": None}, {"name": "x" * 101},
        {"name": "Tea "}, {"name": " Tea"},
        {"name": f"{CANARY}\0"}, {"name": f"{CANARY}\n{CANARY}"}, {"name": "x", "description": f"{CANARY}\0"},
        {"name": "x", "description": "x" * 1001}, {"name": "x", CANARY: CANARY}, {"name": {"x": [CANARY]}},
    ]  # fmt: skip
    for body in wrong:
        call.send(422, "POST", "/v1/items", json=body)
    for text in (
        b"",
        b"{",
        b'{"name": "%s' % CANARY.encode(),
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b"NaN",
        b"[" * 99_999,
    ):
        call.send(422, "POST", "/v1/items", content=text, headers=JSON)
    call.send(415, "POST", "/v1/items", content=b"name=" + CANARY.encode(), headers={"content-type": "text/plain"})
    call.send(415, "PATCH", place, data={"name": CANARY}, headers={"If-Match": "*"})
    call.send(413, "POST", "/v1/items", content=b"x" * 1_048_577, headers=JSON)
    for method, path in (("PUT", "/v1/items"), ("DELETE", "/v1/items"), ("POST", place), ("OPTIONS", place)):
        call.send(405, method, path)

    # What is deleted is gone, and its name is free.
    call.send(428, "DELETE", place)
    call.send(412, "DELETE", place, headers=second)
    third = {"If-Match": call.send(200, "GET", place).headers["etag"]}
    call.at_once([204, 404, 404], "DELETE", place, headers=third)
    call.send(404, "GET", place)
    call.send(404, "DELETE", place, headers=third)
    call.send(201, "POST", "/v1/items", json={"name": "Tea"})
    call.send(201, "POST", "/v1/items", json={"name": "Green tea"}, headers={"Idempotency-Key": "refused"})


SERVERS = ["sqlite", "sqlite and redis", "postgresql", "postgresql and redis"]


@dataclass(frozen=True)
class Told:
    """What one of the servers answered, and its OpenAPI document."""

    exchanges: list[Exchange]
    comparable: list[str]
    document: dict[str, Any]


def tell(service: Service, folder: Path, *, redis: bool) -> Told:
    service.run("migrate")
    with service.served(folder / "log") as server, caller(server.url) as call:
        tour(call)
        assert server.logged(message="Unhandled exception") == []
        assert (server.metric("dependency_up", name="redis") == 1) == redis
        document = httpx2.get(f"{server.url}/openapi.json").json()
    return Told(call.exchanges, call.comparable(), document)


def flaws(exchange: Exchange, document: dict[str, Any]) -> list[str]:
    """Return what is wrong with an answer: against the document, and, if it is an error, as a problem."""
    response = exchange.response
    status = str(response.status_code)
    found = []
    path = exchange.path.partition("?")[0]
    template = next((known for known in document["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path)), "")
    operation = document["paths"].get(template, {}).get(exchange.method.lower().replace("head", "get"))
    media_type = response.headers.get("content-type", "")
    schema: object = PROBLEM
    if operation is None:
        if status not in ("404", "405"):
            found.append("no operation")
    elif status not in operation["responses"]:
        found.append(f"{status} is not documented")
    else:
        content = operation["responses"][status].get("content", {})
        if response.content and media_type not in content:
            found.append(f"{status} is documented as {list(content)}, not as {media_type}")
        schema = content.get(media_type, {}).get("schema", PROBLEM)
    if response.content:
        try:
            jsonschema.validate(response.json(), {"components": document["components"], "allOf": [schema]})
        except jsonschema.ValidationError as error:
            found.append(error.message)
    if response.status_code < 400:
        return found
    if media_type != "application/problem+json":
        found.append(media_type)
    if exchange.method == "HEAD":
        return found
    problem = response.json()
    if problem["status"] != response.status_code:
        found.append("another status")
    if problem["trace_id"] != exchange.trace_id:
        found.append("another trace")
    told = json.dumps(problem) + json.dumps(dict(response.headers))
    found += [f"{word} in {told}" for word in {CANARY, *INTERNALS.findall(told)} if word in told]
    return found


def test_all_four_answer_the_same_as_the_document_says_and_give_nothing_away(
    installed: Path, tmp_path: Path, postgresql_url: str, redis_url: str
) -> None:
    def on(kind: str) -> Told:
        folder = tmp_path / kind.replace(" ", "-")
        folder.mkdir()
        variables = {"APP_HTTP__DOCS": "true", "APP_SHUTDOWN__DRAIN": "0", "APP_REDIS__KEY_PREFIX": uuid4().hex}
        variables["DATABASE_URL"] = f"sqlite:///{folder}/example.db"
        if "postgresql" in kind:
            name = f"example_{uuid4().hex}"
            subprocess.run(["psql", "-qc", f"CREATE DATABASE {name}", postgresql_url], check=True)
            variables["DATABASE_URL"] = postgresql_url.rpartition("/")[0] + "/" + name
        if "redis" in kind:
            variables["REDIS_URL"] = redis_url
        return tell(Service(installed, variables), folder, redis="redis" in kind)

    with ThreadPoolExecutor(2) as threads:
        first, *others = threads.map(on, SERVERS)
    for other in others:
        assert other.comparable == first.comparable
    for exchange in first.exchanges:
        assert flaws(exchange, first.document) == [], str(exchange)
    statuses = {exchange.response.status_code for exchange in first.exchanges}
    assert statuses == {200, 201, 204, 304, 404, 405, 409, 412, 413, 415, 422, 428}


# The twins.
TRACE = "0af7651916cd43dd8448eb211c80319c"
CONFLICT = {"title": "Conflict", "status": 409, "trace_id": TRACE}
DOCUMENT = {
    "paths": {"/pets/{pet}": {"put": {"responses": {"409": {"content": {"application/problem+json": {}}}}}}},
    "components": {"schemas": {"ProblemDetails": {"properties": {"title": {"type": "string"}}, "required": ["title"]}}},
}


def conflict(
    status: int = 409, media_type: str = "application/problem+json", path: str = "/pets/1", **change: Any
) -> Exchange:
    content = json.dumps(CONFLICT | change).encode()
    response = httpx2.Response(status, headers={"content-type": media_type}, content=content)
    return Exchange("PUT", path, TRACE, response)


def test_an_error_without_a_flaw_has_none() -> None:
    assert flaws(conflict(), DOCUMENT) == []


@pytest.mark.parametrize(
    ("exchange", "flaw"),
    [
        (conflict(status=410), "410 is not documented"),
        (conflict(path="/owners/1"), "no operation"),
        (conflict(media_type="application/json"), "not as application/json"),
        (conflict(trace_id="0" * 32), "another trace"),
        (conflict(title=None), "None is not of type 'string'"),
        (conflict(detail=f"No {CANARY} here"), CANARY),
        (conflict(detail="psycopg.errors.UniqueViolation"), "psycopg"),
    ],
)
def test_a_flaw_is_found(exchange: Exchange, flaw: str) -> None:
    assert any(flaw in found for found in flaws(exchange, DOCUMENT))


def test_another_answer_is_no_equal_one() -> None:
    with httpx2.Client() as client:
        one, other = Caller(client, [conflict()]), Caller(client, [conflict(detail="Other")])
    assert one.comparable() == Caller(client, [conflict()]).comparable()
    assert one.comparable() != other.comparable()

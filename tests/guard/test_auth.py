"""Who gets in: the real server and a real issuer, which rotates, falls silent, dies and lies. A refusal has a twin."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest

from support import issuer as issuers
from support.guarding import BOTH, call, check_refusal, guarded
from support.issuer import AUDIENCE, Issuer, Key, b64, new_key
from support.process import Server, Service, until
from support.servers import Jaeger

SECOND = Key("second", "RS256", issuers.MAKERS["RS256"]())
THIRD = new_key("third", "EdDSA")


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuers.issuer() as running:
        running.publish(*running.keys, SECOND, THIRD)
        yield running


@pytest.fixture(scope="module")
def server(
    installed: Path, migrated: Path, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A guarded service that all tests share which break nothing."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "service.db").write_bytes(migrated.read_bytes())
    variables = {"DATABASE_URL": f"sqlite:///{folder}/service.db", "APP_SHUTDOWN__DRAIN": "0", "APP_HTTP__DOCS": "true"}
    with guarded(Service(installed, variables), issuer).served(folder / "log") as server:
        yield server


@pytest.mark.parametrize("number", range(3), ids=["ES256", "RS256", "EdDSA"])
def test_a_good_token_gets_in(server: Server, issuer: Issuer, number: int) -> None:
    token = issuer.token(issuer.keys[number], scope=BOTH)
    assert call(server, token).status_code == 200


@pytest.mark.parametrize("given", [{"aud": ["other", AUDIENCE]}, {"scope": None, "scp": ["items:read"]}, {"scp": BOTH}])
def test_what_issuers_write_differently_is_understood(server: Server, issuer: Issuer, given: dict[str, Any]) -> None:
    assert call(server, issuer.token(**{"scope": "items:read"} | given)).status_code == 200


@pytest.mark.parametrize("kind", [None, "JWT", "at+jwt", "application/AT+JWT"])
def test_the_types_of_access_tokens_are_understood(server: Server, issuer: Issuer, kind: str | None) -> None:
    assert call(server, issuer.token(headers={"typ": kind}, scope=BOTH)).status_code == 200


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": ago(90)},
    "not valid yet": {"nbf": ago(-900)},
    "issued in the future": {"iat": ago(-900)},
    "for another audience": {"aud": "other"},
    "for other audiences": {"aud": ["other", "another"]},
    "for an audience in another form": {"aud": {AUDIENCE: True}},
    "of another issuer": {"iss": "https://other.example"},
    "of a longer issuer": {"iss": "https://other.example/"},
    "without exp": {"exp": None},
    "without aud": {"aud": None},
    "without iss": {"iss": None},
    "without sub": {"sub": None},
    "with an endless exp": {"exp": float("inf")},
    "with a sub that is no text": {"sub": 7},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS.keys())
def test_a_token_with_other_claims_is_refused(server: Server, issuer: Issuer, claims: dict[str, Any]) -> None:
    """The twin is the token without them, and the ones within the leeway."""
    check_refusal(call(server, mint(issuer, claims)), 401, "invalid_token")
    assert call(server, mint(issuer, {})).status_code == 200


def mint(issuer: Issuer, claims: dict[str, Any], headers: dict[str, Any] | None = None) -> str:
    """As `Issuer.token`, by hand, since PyJWT makes no token that is wrong in its form."""
    key = issuer.keys[0]
    now = int(time.time())
    said = {"iss": issuer.url, "aud": AUDIENCE, "sub": "somebody", "exp": now + 300, "scope": BOTH} | claims
    head = {"alg": key.algorithm, "kid": key.kid} | (headers or {})
    parts = [json.dumps({k: v for k, v in part.items() if v is not None}).encode() for part in (head, said)]
    signed = ".".join(map(b64, parts))
    sign = jwt.algorithms.get_default_algorithms()[key.algorithm].sign
    return f"{signed}.{b64(sign(signed.encode(), key.private))}"


@pytest.mark.parametrize("claims", [{"exp": ago(10)}, {"nbf": ago(-10)}, {"iat": ago(-10)}])
def test_a_clock_that_is_somewhat_off_is_no_reason(server: Server, issuer: Issuer, claims: dict[str, Any]) -> None:
    # The times are those of the module's import; the leeway counts from now.
    now = int(time.time())
    fresh = {name: now - 10 if name == "exp" else now + 10 for name in claims}
    assert call(server, mint(issuer, fresh)).status_code == 200


HEADERS: dict[str, dict[str, Any]] = {
    "no kid": {"kid": None},
    "a kid of another key": {"kid": "second"},
    "a kid that is a list": {"kid": ["first"]},
    "another algorithm": {"alg": "RS256"},
    "an algorithm that is a list": {"alg": ["ES256"]},
    "no algorithm": {"alg": None},
    "alg none": {"alg": "none"},
    "crit": {"crit": ["exp"], "exp": 1},
    "the type of a logout": {"typ": "logout+jwt"},
    "a type that is a list": {"typ": ["JWT"]},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
def test_a_token_with_another_header_is_refused(server: Server, issuer: Issuer, headers: dict[str, Any]) -> None:
    check_refusal(call(server, mint(issuer, {}, headers)), 401, "invalid_token")
    assert call(server, mint(issuer, {}, {})).status_code == 200


def test_a_key_that_the_token_brings_is_never_taken(server: Server, issuer: Issuer) -> None:
    """By itself or by an address, which is not even asked for."""
    own = new_key("own")
    issuer.serve("/evil", {"keys": [own.jwk()]})
    for headers in ({"jwk": own.jwk()}, {"jku": issuer.url + "/evil"}, {"x5u": issuer.url + "/evil"}):
        check_refusal(call(server, issuer.token(own, headers=headers, scope=BOTH)), 401, "invalid_token")
        check_refusal(
            call(server, issuer.token(own, headers=headers | {"kid": "first"}, scope=BOTH)), 401, "invalid_token"
        )
        # The twin: beside a good key, it is no harm.
        assert call(server, issuer.token(headers=headers, scope=BOTH)).status_code == 200
    assert issuer.asked("/evil") == 0


def by_hand(header: dict[str, Any], payload: str, signature: Callable[[bytes], bytes]) -> str:
    signed = f"{b64(json.dumps(header).encode())}.{payload}"
    return f"{signed}.{b64(signature(signed.encode()))}"


def test_the_public_key_is_no_secret_that_signs(server: Server, issuer: Issuer) -> None:
    """HS256 with what everybody knows, in each form that a library might take for a secret; and no signature at all."""
    payload = issuer.token(scope=BOTH).split(".")[1]
    hs256 = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    for key in issuer.keys:
        for secret in (key.public_pem(), json.dumps(key.jwk()).encode(), b""):
            token = by_hand({"alg": "HS256", "kid": key.kid}, payload, partial(hs256.sign, key=secret))
            check_refusal(call(server, token), 401, "invalid_token")
        for algorithm in ("none", "None", "NONE", ""):
            check_refusal(
                call(server, by_hand({"alg": algorithm, "kid": key.kid}, payload, lambda _: b"")), 401, "invalid_token"
            )


def test_one_byte_makes_a_token_another(server: Server, issuer: Issuer) -> None:
    token = issuer.token(scope=BOTH)
    head, payload, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=="))
    other = b64(json.dumps(said | {"sub": "root"}).encode())
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[5] ^= 1
    for changed in (f"{head}.{other}.{signature}", f"{head}.{payload}.{b64(bytes(raw))}", f"{head}.{payload}."):
        check_refusal(call(server, changed), 401, "invalid_token")
    assert call(server, token).status_code == 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "." * 1000, "e30.e30.e30", "eyJhbGciOiJFUzI1NiJ9", "A" * 20_000])
def test_what_is_no_token_is_refused(server: Server, token: str) -> None:
    check_refusal(call(server, token), 401, "invalid_token")


def test_a_huge_token_is_refused_before_it_is_looked_at(server: Server, issuer: Issuer) -> None:
    answer = call(server, issuer.token(scope=BOTH, padding="x" * 40_000))
    assert 400 <= answer.status_code < 500
    # The twin: a large one is let in.
    assert call(server, issuer.token(scope=BOTH, padding="x" * 10_000)).status_code == 200


def test_without_a_token_the_challenge_has_no_error(server: Server) -> None:
    """RFC 6750, 3.1; another scheme is none of ours."""
    for headers in ({}, {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}):
        answer = httpx2.get(f"{server.url}/v1/items", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["type"] == "urn:problem-type:no-token"
        assert answer.headers["www-authenticate"].startswith('Bearer realm="')
        assert "error" not in answer.headers["www-authenticate"]


def test_a_header_that_is_no_bearers_is_a_400(server: Server, issuer: Issuer) -> None:
    token = issuer.token(scope=BOTH)
    for values in (["Bearer"], [f"Bearer {token} {token}"], ["Bearer ="], ["Bearer tök"], [f"Bearer {token}"] * 2):
        headers = [(b"Authorization", value.encode()) for value in values]
        check_refusal(httpx2.get(f"{server.url}/v1/items", headers=headers), 400, "invalid_request")
    for good in (f"bearer {token}", f"BEARER  {token}"):
        assert httpx2.get(f"{server.url}/v1/items", headers={"Authorization": good}).status_code == 200


def test_a_token_is_taken_from_nowhere_else(server: Server, issuer: Issuer) -> None:
    token = issuer.token(scope=BOTH)
    form = {"access_token": token}
    assert httpx2.get(f"{server.url}/v1/items", params=form).status_code == 401
    assert httpx2.post(f"{server.url}/v1/items", data=form).status_code == 401
    assert httpx2.get(f"{server.url}/v1/items", cookies=form).status_code == 401


def test_a_route_asks_for_its_scopes(server: Server, issuer: Issuer) -> None:
    reader, writer = issuer.token(scope="items:read"), issuer.token(scope="items:write")
    answer = call(server, reader, "POST", json={"name": "Tea"})
    check_refusal(answer, 403, "insufficient_scope")
    assert 'scope="items:write"' in answer.headers["www-authenticate"]
    check_refusal(call(server, writer), 403, "insufficient_scope")
    check_refusal(call(server, issuer.token(scope="items:reader items")), 403, "insufficient_scope")
    check_refusal(
        call(server, issuer.token(scope=["items:read"], scp={"items:read": 1}, aud="other")), 401, "invalid_token"
    )
    assert call(server, writer, "POST", json={"name": "Tea"}).status_code == 201
    assert call(server, reader).status_code == 200


def test_a_body_is_not_read_for_who_has_no_token(server: Server, issuer: Issuer) -> None:
    """Else everybody could have a megabyte parsed; and what is wrong with it is told to nobody."""
    url, kind = f"{server.url}/v1/items", {"Content-Type": "application/json"}
    assert httpx2.post(url, headers=kind, content=b"{").status_code == 401
    good = kind | {"Authorization": f"Bearer {issuer.token(scope=BOTH)}"}
    assert httpx2.post(url, headers=good, content=b"{").status_code == 422


def test_what_has_no_route_is_what_it_was(server: Server) -> None:
    assert httpx2.get(f"{server.url}/no-such-path").status_code == 404
    assert httpx2.put(f"{server.url}/v1/items").status_code == 405
    assert httpx2.head(f"{server.url}/v1/items").status_code == 401


def test_the_documents_where_they_are_on_need_no_token_and_tell_of_it(server: Server) -> None:
    assert httpx2.get(f"{server.url}/docs").status_code == 200
    document = httpx2.get(f"{server.url}/openapi.json").json()
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    assert document["components"]["securitySchemes"] == {"bearer": scheme}
    operations = document["paths"]["/v1/items"]
    assert operations["get"]["security"] == [{"bearer": ["items:read"]}]
    assert operations["post"]["security"] == [{"bearer": ["items:write"]}]
    assert {"400", "401", "403"} <= operations["get"]["responses"].keys()


def test_the_admin_port_s_pages_are_not_on_the_public_one(server: Server, issuer: Issuer) -> None:
    """Neither with a token nor without."""
    for path in ("/livez", "/readyz", "/startupz", "/metrics", "/info"):
        assert server.admin(path).status_code == 200
        for headers in ({}, {"Authorization": f"Bearer {issuer.token(scope=BOTH)}"}):
            assert httpx2.get(server.url + path, headers=headers).status_code == 404
    assert httpx2.get(server.admin_url + "/v1/items").status_code == 404


def test_refusals_are_counted_by_their_reason(server: Server, issuer: Issuer) -> None:
    reasons: dict[str, dict[str, Any]] = {
        "expired": {"exp": ago(90)},
        "audience": {"aud": "other"},
        "claims": {"exp": None},
        "scope": {"scope": ""},
    }
    for reason, claims in reasons.items():
        before = server.metric("auth_refusals_total", reason=reason)
        call(server, mint(issuer, claims))
        assert server.metric("auth_refusals_total", reason=reason) == before + 1
    samples = [line for line in server.admin("/metrics").text.splitlines() if line.startswith("auth_refusals_total{")]
    assert len(samples) <= 13


def test_a_token_is_in_no_log_span_or_metric(service: Service, issuer: Issuer, jaeger: Jaeger, tmp_path: Path) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_url, "OTEL_BSP_SCHEDULE_DELAY": "100", "LOG_LEVEL": "DEBUG"}
    with guarded(service, issuer, **variables).faulty().served(tmp_path / "log") as server:
        good = issuer.token(scope=BOTH, sub="canary-subject", email="canary-claim")
        bad = issuer.token(new_key("canary-kid"), scope="canary-scope", sub="canary-subject")
        answers = [call(server, token) for token in (good, bad, "canary-garbage", f"{good} canary")]
        headers = {"Authorization": f"Bearer {good}"}
        failed = httpx2.get(f"{server.url}/test/fail?text=reason", headers=headers)
        assert [answer.status_code for answer in (*answers, failed)] == [200, 401, 401, 400, 500]
        trace = failed.json()["trace_id"]
        found = until(lambda: httpx2.get(f"{jaeger.query_url}/api/traces/{trace}").json()["data"], "the trace")
        everything = [server.admin(path).text for path in ("/metrics", "/info", "/readyz?verbose")]
        everything += [str(found), *(answer.text + str(answer.headers) for answer in (*answers, failed))]
        until(lambda: server.logged(logger="access", http_response_status_code=500), "the access line")
    told = "".join([*everything, (tmp_path / "log").read_text()])
    assert "Unhandled exception" in told
    pieces = [piece for token in (good, bad) for piece in token.split(".")]
    assert [piece for piece in [*pieces, "canary"] if piece in told] == []


def test_without_an_issuer_nobody_is_asked(service: Service, tmp_path: Path) -> None:
    """The twin of it all: the same routes, open, and undocumented as anything else."""
    with service.given(APP_HTTP__DOCS="true").served(tmp_path / "log") as server:
        assert call(server).status_code == 200
        assert call(server, "nonsense", "POST", json={"name": "Tea"}).status_code == 201
        document = httpx2.get(f"{server.url}/openapi.json").json()
        assert "securitySchemes" not in document["components"]
        assert "security" not in document["paths"]["/v1/items"]["get"]
        assert "401" not in document["paths"]["/v1/items"]["get"]["responses"]


def test_half_of_a_guard_is_a_wrong_configuration(service: Service) -> None:
    def problems(**variables: str) -> Any:
        result = service.given(**variables).run("serve", code=78)
        return json.loads(result.stdout + result.stderr)["problems"]

    issuer, audience = {"APP_AUTH__ISSUER": "https://canary.example"}, {"APP_AUTH__AUDIENCE": "canary"}
    assert list(problems(**issuer)) == ["APP_AUTH__AUDIENCE"]
    assert list(problems(**audience)) == ["APP_AUTH__ISSUER"]
    for wrong in ("http://canary.example", "canary.example", "https://u@canary.example", "https://canary.example?x=1"):
        found = problems(**audience, APP_AUTH__ISSUER=wrong)
        assert list(found) == ["APP_AUTH__ISSUER"]
        assert "canary" not in str(found)

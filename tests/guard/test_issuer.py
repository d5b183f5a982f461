"""An issuer that rotates its keys, is flooded, silent, gone or talks nonsense."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from support import issuer as issuers
from support.guarding import BOTH, call, check_refusal, guarded
from support.issuer import KEYS, Issuer, new_key
from support.process import Server, Service, until


@pytest.fixture
def own_issuer() -> Iterator[Issuer]:
    """One that the test may break."""
    with issuers.issuer() as running:
        yield running


@contextmanager
def flood(server: Server, issuer: Issuer) -> Iterator[Callable[[], int]]:
    """Send tokens of unknown keys all the time; yield how many were refused so far."""
    token = issuer.token(new_key("unknown"), scope=BOTH)
    counts, ended = [0], [False]

    def send() -> None:
        with httpx2.Client(timeout=20) as client:
            while not ended[0]:
                answer = client.get(f"{server.url}/v1/items", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == 401
                counts[0] += 1

    with ThreadPoolExecutor(8) as threads:
        sending = [threads.submit(send) for _ in range(8)]
        try:
            yield lambda: counts[0]
        finally:
            ended[0] = True
    for sender in sending:
        sender.result()


def test_a_flood_of_unknown_keys_costs_the_issuer_nothing(service: Service, own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(service, own_issuer).served(tmp_path / "log") as server:
        before, began = own_issuer.asked(), time.monotonic()
        good = own_issuer.token(scope=BOTH)
        with flood(server, own_issuer) as refused:
            until(lambda: own_issuer.asked() > before, "the one fetch that is due")
            start = refused()
            while refused() < start + 1000:
                assert call(server, good).status_code == 200
        # One in ten seconds at most, whatever it took; the first may have been due at once.
        assert own_issuer.asked() - before <= 1 + (time.monotonic() - began) / 10


def test_a_silent_issuer_makes_no_request_wait(service: Service, own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(service, own_issuer).served(tmp_path / "log") as server:
        good = own_issuer.token(scope=BOTH)
        own_issuer.fall_silent()
        with flood(server, own_issuer) as refused:
            until(lambda: server.metric("dependency_up", name="issuer") == 0, "the issuer to be missed", seconds=60)
            start = refused()
            name, labels = "http_server_request_duration_seconds", {"http_route": "/v1/items"}
            quick = server.metric(f"{name}_bucket", le="0.5", **labels)
            waited = server.metric(f"{name}_count", **labels) - quick
            while refused() < start + 500:
                assert call(server, good).status_code == 200
            # What waited did so before the issuer was known to be silent.
            assert (
                server.metric(f"{name}_count", **labels) - server.metric(f"{name}_bucket", le="0.5", **labels) <= waited
            )
        assert server.admin("/readyz").json() == {"status": "degraded"}
        own_issuer.mend()
        until(lambda: server.metric("dependency_up", name="issuer") == 1, "its return", seconds=60)


def test_keys_are_rotated_without_a_restart(service: Service, own_issuer: Issuer, tmp_path: Path) -> None:
    old, new = own_issuer.keys[0], new_key("new", "EdDSA")
    with guarded(service, own_issuer).served(tmp_path / "log") as server:
        # As issuers do it: the new one is published beside the old one, and then used.
        own_issuer.publish(old, new)
        until(lambda: call(server, own_issuer.token(new, scope=BOTH)).status_code == 200, "the new key")
        assert call(server, own_issuer.token(old, scope=BOTH)).status_code == 200
        own_issuer.publish(new)
        unknown = own_issuer.token(new_key("unknown"))

        def old_is_refused() -> bool:
            # Makes it look again, as soon as it may.
            assert call(server, unknown).status_code == 401
            return call(server, own_issuer.token(old, scope=BOTH)).status_code == 401

        until(old_is_refused, "the old key to be gone")
        assert call(server, own_issuer.token(new, scope=BOTH)).status_code == 200


def test_a_key_s_name_does_not_make_it_another(service: Service, own_issuer: Issuer, tmp_path: Path) -> None:
    """The same kid with another key: the old one is no longer good once it was fetched."""
    old, new, extra = own_issuer.keys[0], new_key("first"), new_key("extra")
    with guarded(service, own_issuer).served(tmp_path / "log") as server:
        own_issuer.publish(new, extra)
        until(lambda: call(server, own_issuer.token(extra, scope=BOTH)).status_code == 200, "a refresh")
        assert call(server, own_issuer.token(new, scope=BOTH)).status_code == 200
        check_refusal(call(server, own_issuer.token(old, scope=BOTH)), 401, "invalid_token")


def test_an_issuer_that_is_down_at_the_start_is_waited_for(
    service: Service, own_issuer: Issuer, tmp_path: Path
) -> None:
    good = own_issuer.token(scope=BOTH)
    own_issuer.stop()
    with guarded(service, own_issuer).served(tmp_path / "log", ready=False) as server:
        until(lambda: "issuer" in server.admin("/startupz").json()["failed"], "startup to name it")
        answer = call(server, good)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:problem-type:issuer-unavailable"
        assert call(server).status_code == 401
        assert server.admin("/readyz").status_code == 503
        own_issuer.mend()
        until(lambda: call(server, good).status_code == 200, "a good answer")
        until(lambda: server.admin("/readyz").status_code == 200, "readiness")


def test_an_issuer_that_is_gone_or_talks_nonsense_changes_no_key(
    service: Service, own_issuer: Issuer, tmp_path: Path
) -> None:
    """What is known stays good, readiness says why, and the next good answer is taken."""
    good, unknown = own_issuer.token(scope=BOTH), own_issuer.token(new_key("unknown"))
    with guarded(service, own_issuer).served(tmp_path / "log") as server:

        def reason() -> str:
            # Makes it look again, as soon as it may.
            assert call(server, unknown).status_code == 401
            assert call(server, good).status_code == 200
            checks = {check["name"]: check for check in server.admin("/readyz?verbose").json()["checks"]}
            return str(checks["issuer"]["reason"] or "")

        own_issuer.stop()
        until(lambda: reason() == "ConnectError", "the issuer to be missed", seconds=60)
        own_issuer.mend()
        own_issuer.serve(KEYS, "<html>")
        until(lambda: reason() == "The issuer's answer is no JSON object.", "the nonsense to be seen", seconds=60)
        own_issuer.serve(KEYS, "", 302, {"Location": own_issuer.url + "/elsewhere"})
        until(lambda: reason() == "The issuer answered 302.", "the redirect to be seen", seconds=60)
        assert own_issuer.asked("/elsewhere") == 0
        own_issuer.publish(*own_issuer.keys)
        until(lambda: reason() == "", "its return", seconds=60)

"""A password changes while the service runs."""

import base64
import json

from cluster.conftest import calls_to
from support.kubernetes import Node, Release
from support.load import load
from support.process import until

# A pool that renews itself soon, so that the rotation is seen to its end.
VALUES = {"config": {"APP_DATABASE__POOL_RECYCLE": 20}}


def test_a_rotated_database_password_restarts_nothing_and_fails_nothing(release: Release, nodes: list[Node]) -> None:
    """As it is done without a gap: a second role first, then the Secret, then the first role's end."""
    url = release.url(nodes[0])
    pods = release.uids()
    release.sql("CREATE ROLE rotated LOGIN PASSWORD 'second' IN ROLE service")
    secret = base64.b64encode(b"postgresql://rotated:second@postgresql:5432/service").decode()

    def users() -> set[str]:
        rows = release.sql("SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'orders'")
        return set(rows.splitlines())

    def old_ones_have_gone() -> bool:
        """End what idles under the first role, as whoever rotates does in the end; what works ends by itself."""
        idle = "usename = 'service' AND state = 'idle' AND state_change < now() - interval '2 s'"
        release.sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'orders' AND {idle}"
        )
        return users() == {"rotated"}

    with load(url, lambda: calls_to(url), 30) as result:
        result.wait_for(100)
        assert users() == {"service"}
        release.kubectl("patch", "secret", "postgresql", "--patch", json.dumps({"data": {"DATABASE_URL": secret}}))
        until(lambda: "rotated" in users(), "a connection of the new role's", 240)
        until(old_ones_have_gone, "no connection of the first role's", 60)
        result.wait_for(200)
    assert result.failures == []
    assert release.uids() == pods
    assert release.restarts() == 0

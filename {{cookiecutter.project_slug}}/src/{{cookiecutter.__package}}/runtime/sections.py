# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""The runtime's settings that come in groups: `APP_<SECTION>__<NAME>`."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Network = IPv4Network | IPv6Network


def split(value: object) -> object:
    """Read `a, b` as a list, as people write lists in an environment variable."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Section(BaseModel):
    """A group of settings whose variables share a prefix: `APP_<SECTION>__<NAME>`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AdminSettings(Section):
    host: str = Field("0.0.0.0", description="Address on which probes and metrics are served.")  # noqa: S104 - a pod's kubelet and Prometheus come from outside
    port: Port = Field(9090, description="Port of `/livez`, `/readyz`, `/startupz`, `/metrics` and `/info`.")
    liveness_max_lag: Seconds = Field(
        10, description="Liveness fails when the event loop has not run for this many seconds."
    )


class AuthSettings(Section):
    """Both or none: without them everybody gets in."""

    issuer: str | None = Field(
        None,
        description="Who issues tokens, as its OpenID Connect document says: `https://…`. Set: each request needs one.",
    )
    audience: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="This service's name at the issuer, for which a token must be."
    )

    @field_validator("issuer")
    @classmethod
    def _url(cls, issuer: str | None) -> str | None:
        if issuer is not None:
            try:
                parts = urlsplit(issuer)
                good = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
            except ValueError:
                good = False
            # OpenID Connect Discovery 1.0, 3.
            if not good or "@" in parts.netloc or "?" in issuer or "#" in issuer:
                raise PydanticCustomError("issuer", "is no address https://host/path, without user, query and fragment")
        return issuer


class HttpSettings(Section):
    request_timeout: Seconds = Field(8, description="Seconds from the request's headers to the start of the answer.")
    header_timeout: Seconds = Field(10, description="Seconds that a client may take to send a request's headers.")
    body_timeout: Seconds = Field(5, description="Seconds without a byte of the body, in either direction.")
    keep_alive_timeout: Annotated[int, Field(ge=1, le=3600)] = Field(
        75, description="Seconds that an idle connection stays open: more than the proxy in front keeps its own."
    )
    max_header_size: Annotated[int, Field(ge=1024)] = Field(32_768, description="Bytes of a request's headers.")
    max_body_size: Annotated[int, Field(ge=0)] = Field(1_048_576, description="Bytes of a request's body.")
    max_in_flight: Annotated[int, Field(ge=1)] = Field(
        256, description="Requests at one time; one more is answered 503 before its body is read."
    )
    forwarded_allow_ips: Annotated[tuple[Network, ...], NoDecode] = Field(
        (ip_network("127.0.0.1/32"), ip_network("::1/128")),
        description="Networks whose X-Forwarded-* headers are believed, with commas between. Never everybody.",
    )
    docs: bool | None = Field(
        None, description="Serve `/docs` and `/openapi.json`. Unset: only where APP_ENV is local."
    )

    @field_validator("forwarded_allow_ips", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return split(value)

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _not_everybody(cls, networks: tuple[Network, ...]) -> tuple[Network, ...]:
        if any(network.prefixlen == 0 for network in networks):
            raise PydanticCustomError(
                "trusts_everybody", "would let any client choose its own address; name your proxies' networks"
            )
        return networks


class LogSettings(Section):
    access: Literal["all", "errors", "off"] = Field(
        "all", description="Which requests get an access line; `errors` are answers of 400 and above, and slow ones."
    )
    slow_request: Seconds = Field(1, description="Seconds after which a request counts as slow.")


class DatabaseSettings(Section):
    """Each wait is shorter than the one around it: request > statement > pool > connect."""

    pool_size: Annotated[int, Field(ge=1, le=1000)] = Field(10, description="Connections that a pod keeps.")
    max_overflow: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="Connections beyond the pool, for bursts."
    )
    pool_timeout: Seconds = Field(2, description="Seconds to wait for a free connection.")
    connect_timeout: Seconds = Field(1.5, description="Seconds to wait for a new connection.")
    pool_recycle: Annotated[int, Field(ge=1)] = Field(1800, description="Seconds after which a connection is renewed.")
    statement_timeout: Seconds = Field(5, description="Seconds that a statement may take.")
    lock_timeout: Seconds = Field(2, description="Seconds that a statement may wait for a lock.")
    idle_in_transaction_timeout: Seconds = Field(
        10, description="Seconds that a transaction may do nothing before the server ends it."
    )
    migration_lock_timeout: Seconds = Field(
        60, description="Seconds that `migrate` waits for another migration to end."
    )


class RedisSettings(Section):
    max_connections: Annotated[int, Field(ge=1, le=1000)] = Field(20, description="Connections that a pod may open.")
    pool_timeout: Seconds = Field(0.1, description="Seconds to wait for a free connection.")
    connect_timeout: Seconds = Field(0.2, description="Seconds to wait for a new connection.")
    timeout: Seconds = Field(0.2, description="Seconds to wait for an answer.")
    key_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]*$")] = Field(
        "", description="Begins every key, where services share a Redis. Unset: the service's name."
    )


class RateLimitSettings(Section):
    requests: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None,
        description="Requests that a client may make at once; they come back evenly over the window. Unset: no limit. "
        "Behind a proxy, set APP_HTTP__FORWARDED_ALLOW_IPS first, or all are one client.",
    )
    window: Annotated[int, Field(ge=1, le=86_400)] = Field(
        60, description="Seconds in which a client's whole quota comes back."
    )


class ShutdownSettings(Section):
    """What SIGTERM sets off, in this order. The chart's grace period is their sum and a little more."""

    drain: Annotated[float, Field(ge=0, le=3600)] = Field(
        5, description="Seconds between SIGTERM and the closing of the listener, while Kubernetes takes the pod out."
    )
    requests: Seconds = Field(20, description="Seconds after that for requests in flight to finish.")
    telemetry: Seconds = Field(3, description="Seconds to send the last spans.")

# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since each library for one of these costs more than all of them here: what happens to every request."""

import asyncio
import logging
from collections.abc import Iterable
from time import perf_counter

from opentelemetry import trace
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..config import RuntimeSettings
from ..database.errors import problem_for
from ..observability import access, metrics
from ..observability.tracing import ServerSpan
from ..state import State
from . import context
from .limits import Limit
from .problems import Problem, ServiceUnavailable, render
from .routing import route_template

logger = logging.getLogger(__name__)

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
CLIENT_CLOSED_REQUEST = 499


class EdgeMiddleware:
    def __init__(self, app: ASGIApp, settings: RuntimeSettings, state: State) -> None:
        self._app = app
        self._http = settings.http
        self._limits_rates = settings.rate_limit.requests is not None
        self._log = settings.log
        self._state = state
        self._in_flight = 0
        metrics.ACTIVE_REQUESTS.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with ServerSpan(scope, access.known_method(scope["method"])) as span:
            exchange = _Exchange(self, scope, receive, send, span)
            self._in_flight += 1
            try:
                if self._in_flight > self._http.max_in_flight:
                    detail = "The service is at its limit; try again."
                    await exchange.answer(Limit.IN_FLIGHT.refusal(detail, {"Retry-After": "1"}))
                else:
                    await exchange.run(self._app)
            finally:
                self._in_flight -= 1
                exchange.finish()


class _Exchange:
    """One request and its answer."""

    def __init__(self, edge: EdgeMiddleware, scope: Scope, receive: Receive, send: Send, span: ServerSpan) -> None:
        self._span = span
        self._http, self._log, self._state = edge._http, edge._log, edge._state
        self._limits_rates = edge._limits_rates
        self._rate_headers: list[tuple[bytes, bytes]] = []
        self._method = scope["method"]
        # FastAPI's routes know no HEAD, which every server owes (RFC 9110, 9.1; issue 1773): a GET without the body.
        self._scope = {**scope, "method": "GET"} if self._method == "HEAD" else scope
        self._receive, self._send = receive, send
        self._began = perf_counter()
        self._ended = 0.0
        self._request_id, _ = context.identify(scope["headers"], scope["query_string"])
        self._status = 0
        self._received = 0
        self._sent = 0
        self._body_complete = False
        self._waiting_for_body = False
        self._disconnected = False
        self._deadline: asyncio.Timeout | None = None

    async def run(self, app: ASGIApp) -> None:
        try:
            if self._limits_rates:
                await self._check_rate()
            self._check_content_length()
            async with asyncio.timeout(self._http.request_timeout) as self._deadline:
                await app(self._scope, self.receive, self.send)
        except Problem as problem:
            await self.answer(problem)
        except ClientDisconnect:
            self._disconnected = True
        except asyncio.CancelledError:
            # Only the end of the process cancels a request, when it has waited long enough for it.
            await self.answer(ServiceUnavailable("The service is ending; try again."))
        except TimeoutError as error:
            if self._deadline is None or not self._deadline.expired():
                await self._failed(error)
            elif self._waiting_for_body:
                await self.answer(_too_slow())
            else:
                await self.answer(Limit.REQUEST_TIME.refusal("The request took longer than the service allows."))
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, the caller gets an answer
            await self._failed(error)

    async def _check_rate(self) -> None:
        client = self._scope.get("client")
        verdict = await self._scope["app"].state.resources.rate_limiter.take(client[0] if client else None)
        self._rate_headers = verdict.headers
        if not verdict.allowed:
            detail = "You have sent too many requests; try again later."
            raise Limit.RATE.refusal(detail, {"Retry-After": str(verdict.retry_after)})

    def _check_content_length(self) -> None:
        for name, value in self._scope["headers"]:
            if name == b"content-length":
                if not value.isdigit():
                    raise Problem(400, detail="Content-Length is not a number.")
                if int(value) > self._http.max_body_size:
                    raise _too_large(self._http.max_body_size)

    async def receive(self) -> Message:
        if self._body_complete:
            # What comes now is only that the client has gone, and a stream may wait for that as long as it lasts.
            return self._noted(await self._receive())
        self._waiting_for_body = True
        try:
            async with asyncio.timeout(self._http.body_timeout):
                message = await self._receive()
        except TimeoutError:
            raise _too_slow() from None
        self._waiting_for_body = False
        return self._noted(message)

    def _noted(self, message: Message) -> Message:
        if message["type"] == "http.disconnect":
            self._disconnected = self._status == 0
            return message
        self._received += len(message.get("body", b""))
        self._body_complete = not message.get("more_body", False)
        if self._received > self._http.max_body_size:
            raise _too_large(self._http.max_body_size)
        return message

    async def send(self, message: Message) -> None:
        if self._method == "HEAD" and "body" in message:
            message["body"] = b""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"] = self._complete_headers(message.get("headers", []))
            if self._deadline is not None and not self._deadline.expired():
                # The answer has begun in time; how long a stream lasts is its own affair.
                self._deadline.reschedule(None)
        else:
            self._sent += len(message.get("body", b""))
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            # What goes on after the last part are background tasks.
            self._ended = perf_counter()

    def _complete_headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = list(given)
        present = {name for name, _ in headers}
        headers += [header for header in _SECURITY_HEADERS if header[0] not in present]
        if self._scope["scheme"] == "https":
            headers.append(_STRICT_TRANSPORT)
        headers += self._rate_headers
        headers.append((b"x-request-id", self._request_id.encode()))
        if self._state.draining and b"connection" not in present:
            headers.append((b"connection", b"close"))
        return headers

    async def _failed(self, error: Exception) -> None:
        problem = problem_for(error)
        if problem is None:
            logger.error("Unhandled exception", exc_info=error)
            # Its type alone: its text may hold what was sent, and the log line has the same trace id.
            trace.get_current_span().add_event("exception", {"exception.type": type(error).__qualname__})
            problem = Problem(500)
        else:
            logger.warning("Answered %d", problem.status_code, exc_info=error)
        await self.answer(problem)

    async def answer(self, problem: Problem) -> None:
        if self._status:
            # Too late for another answer; leaving this one incomplete makes uvicorn close the connection.
            logger.warning("The answer broke off after its headers: %d %s", problem.status_code, problem.title)
            return
        self._deadline = None
        headers, body = render(problem)
        await self.send({"type": "http.response.start", "status": problem.status_code, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def finish(self) -> None:
        over = perf_counter()
        ended = self._ended or over
        status = CLIENT_CLOSED_REQUEST if self._disconnected else self._status
        route, client = route_template(self._scope), self._scope.get("client")
        address = client[0] if client else None
        seconds = ended - self._began
        served = access.Served(self._method, route, address, status, seconds, self._received, self._sent)
        access.record(served, self._log)
        self._span.end(route, status, over - ended)


def _too_slow() -> Problem:
    return Limit.BODY_TIME.refusal("The request's body came too slowly.", {"Connection": "close"})


def _too_large(limit: int) -> Problem:
    return Limit.BODY_SIZE.refusal(f"The body is larger than {limit} bytes.")

"""Own code, since each library for one of these costs more than all of them here: what happens to every request."""

import asyncio
import logging
from collections.abc import Iterable
from time import perf_counter

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..config import RuntimeSettings
from ..database.errors import problem_for
from ..observability import metrics
from ..state import State
from . import context
from .problems import Problem, ServiceUnavailable, render
from .routing import route_template

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("access")

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
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
        self._log = settings.log
        self._state = state
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(self, scope, receive, send)
        self._in_flight += 1
        metrics.ACTIVE_REQUESTS.inc()
        try:
            if self._in_flight > self._http.max_in_flight:
                metrics.REQUESTS_SHED.labels("in_flight").inc()
                await exchange.answer(ServiceUnavailable("The service is at its limit; try again."))
            else:
                await exchange.run(self._app)
        finally:
            self._in_flight -= 1
            metrics.ACTIVE_REQUESTS.dec()
            exchange.finish()


class _Exchange:
    """One request and its answer."""

    def __init__(self, edge: EdgeMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._http, self._log, self._state = edge._http, edge._log, edge._state
        self._method = scope["method"]
        # FastAPI's routes know no HEAD, which every server owes (RFC 9110, 9.1): it is a GET without the body.
        self._scope = {**scope, "method": "GET"} if self._method == "HEAD" else scope
        self._receive, self._send = receive, send
        self._began = perf_counter()
        self._request_id, _ = context.identify(scope["headers"])
        self._status = 0
        self._received = 0
        self._sent = 0
        self._complete = False
        self._disconnected = False
        self._deadline: asyncio.Timeout | None = None

    async def run(self, app: ASGIApp) -> None:
        try:
            self._check_content_length()
            async with asyncio.timeout(self._http.request_timeout) as self._deadline:
                await app(self._scope, self.receive, self.send)
        except Problem as problem:
            await self.answer(problem)
        except TimeoutError as error:
            if self._deadline is not None and self._deadline.expired():
                await self.answer(Problem(504, detail="The request took longer than the service allows."))
            else:
                await self._failed(error)
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, the caller gets an answer
            await self._failed(error)

    def _check_content_length(self) -> None:
        for name, value in self._scope["headers"]:
            if name == b"content-length" and int(value) > self._http.max_body_size:
                raise _too_large(self._http.max_body_size)

    async def receive(self) -> Message:
        try:
            async with asyncio.timeout(None if self._complete else self._http.body_timeout):
                message = await self._receive()
        except TimeoutError:
            raise Problem(408, detail="The request's body came too slowly.", headers={"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            self._disconnected = self._status == 0
            return message
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._received > self._http.max_body_size:
            raise _too_large(self._http.max_body_size)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"] = self._complete_headers(message.get("headers", []))
        elif self._method == "HEAD":
            message["body"] = b""
        else:
            self._sent += len(message.get("body", b""))
        if self._deadline is not None and not self._deadline.expired():
            # The answer has begun: from here only a client that stops reading is cut off, never a long stream.
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._http.body_timeout)
            await self._send(message)
            self._deadline.reschedule(None)
        else:
            await self._send(message)

    def _complete_headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = list(given)
        present = {name for name, _ in headers}
        headers += [header for header in _SECURITY_HEADERS if header[0] not in present]
        if self._scope["scheme"] == "https":
            headers.append(_STRICT_TRANSPORT)
        headers.append((b"x-request-id", self._request_id.encode()))
        if self._state.draining and b"connection" not in present:
            headers.append((b"connection", b"close"))
        return headers

    async def _failed(self, error: Exception) -> None:
        problem = problem_for(error)
        if problem is None:
            logger.error("Unhandled exception", exc_info=error)
            trace.get_current_span().record_exception(error)
            problem = Problem(500)
        else:
            logger.warning("Answered %d", problem.status_code, exc_info=error)
        await self.answer(problem)

    async def answer(self, problem: Problem) -> None:
        if self._status:
            # Too late for another answer; leaving this one incomplete makes uvicorn close the connection.
            logger.error("The answer broke off after its headers.")
            return
        self._deadline = None
        headers, body = render(problem, self._scope["path"])
        await self.send({"type": "http.response.start", "status": problem.status_code, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def finish(self) -> None:
        duration = perf_counter() - self._began
        method = self._method
        route = route_template(self._scope)
        status = CLIENT_CLOSED_REQUEST if self._disconnected else self._status
        span = trace.get_current_span().get_span_context()
        exemplar = {"trace_id": context.trace_id.get()} if span.trace_flags.sampled else None
        metrics.REQUEST_DURATION.labels(method if method in _METHODS else "_OTHER", route, status).observe(
            duration, exemplar
        )
        wanted = self._log.access == "all" or (
            self._log.access == "errors" and (status >= 400 or duration >= self._log.slow_request)
        )
        if wanted:
            client = self._scope.get("client")
            access_logger.info(
                "%s %s %d",
                method,
                route,
                status,
                extra={
                    "http_request_method": method,
                    "http_route": route,
                    "http_response_status_code": status,
                    "duration_ms": round(duration * 1000, 3),
                    "request_bytes": self._received,
                    "response_bytes": self._sent,
                    "client_address": client[0] if client else None,
                },
            )


def _too_large(limit: int) -> Problem:
    return Problem(413, detail=f"The body is larger than {limit} bytes.")

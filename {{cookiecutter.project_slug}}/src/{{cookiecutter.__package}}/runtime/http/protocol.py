# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""Own code, since uvicorn bounds neither a request's headers nor what a peer leaves unsent (its PR 1192)."""

import asyncio
import contextvars
import logging
import select
from typing import Any

from . import context
from .closing import ClosingProtocol, Lingering
from .limits import Limit
from .problems import Problem, render

logger = logging.getLogger(__name__)


class GuardedProtocol(ClosingProtocol):
    """HTTP/1.1 whose headers arrive in time and within bounds, and of which no connection stays open untimed."""

    header_timeout: float
    max_header_size: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._begun = False
        """Something of the headers has come."""
        self._message_complete = True
        self._unanswered = 0
        """Requests whose headers have come, and whose answers are not complete."""
        self._refusal: Limit | int | None = None
        """The limit, or the status, of this connection's last answer: nothing after it is read as a request."""
        self._ended = False
        """Its last answer is given."""
        self._header_bytes = 0
        self._used_at = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._lingering: Any = Lingering(transport, self._end)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        # uvicorn 0.54 leaves it to run when the peer has reset the connection.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._used_at = self.loop.time()
        while data and not self._refusal and not self._ended and not self.transport.is_closing():
            part, data = data, b""
            if self._reading_headers:
                room = self.max_header_size - self._header_bytes
                part, data = part[:room], part[room:]
                self._header_bytes += len(part)
            data = self.feed(part) + data
            if self._reading_headers and self._header_bytes >= self.max_header_size:
                self._refuse(Limit.HEADER_SIZE)
        if self._idle and self._timer is None and self.timeout_keep_alive_task is None:
            # What came was no message's beginning; uvicorn has stopped its timer all the same.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = True
        self._start_timer()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if not self._reading_headers:
            self._begun = self._message_complete = False
            self._unanswered += 1
            self._stop_timer()
            self.cycle.transport = self._lingering

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._message_complete = True
        self._header_bytes = 0
        self._stop_timer()

    def on_response_complete(self) -> None:
        self._used_at = self.loop.time()
        self._unanswered -= 1
        if self._ended:
            # What was sent behind the last request is none.
            self._unanswered = 0
            self.pipeline.clear()
        super().on_response_complete()
        if self._ended:
            # How long this one lasts is the other timers' affair.
            self._unset_keepalive_if_required()
        elif self.transport.is_closing():
            self._watch_writing()
        elif self._refusal:
            self._answer_refusal(self._refusal)
        elif self._idle and not self._message_complete:
            # Answered before its body was read. Closing now would reset the connection, and the answer with it.
            self._start_timer()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def close_if_unused(self, seconds: float) -> None:
        """Close a connection that has been idle for some time, and on which no request is on its way in."""
        if self.loop.time() - self._used_at >= seconds:
            self._close_if_idle()

    def shutdown(self) -> None:
        if (self._refusal or self._ended) and self._idle:
            self._close()
        elif self._idle:
            self._close_if_idle()
        else:
            super().shutdown()

    @property
    def _idle(self) -> bool:
        return self._unanswered == 0

    def _close_if_idle(self) -> None:
        if self._idle and not self._begun and not self.transport.is_closing() and not self._has_unread():
            self._close()

    def _has_unread(self) -> bool:
        """Say whether the kernel holds something that the event loop has not yet read; closing would throw it away."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.header_timeout, self._late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._begun and self.flow.read_paused:
            # It is we who do not read: earlier requests of this connection are still being answered.
            self._start_timer()
        elif self._begun:
            self._refuse(Limit.HEADER_TIME)
        elif self._ended and self.transport.get_write_buffer_size():
            # It is still reading the answer; whether it really does, the other timer watches.
            self._start_timer()
        else:
            self._close()

    def _refuse(self, why: Limit | int) -> None:
        """Answer what is no whole request with a problem, when all before it are answered, and end the connection."""
        if self.transport.is_closing() or self._refusal:
            return
        self._refusal, self._begun = why, False
        self._stop_timer()
        if self.pipeline and not self._message_complete:
            self.pipeline.popleft()  # its turn had not come
            self._unanswered -= 1
            self._message_complete = True
        self._answer_refusal(why)

    def _answer_refusal(self, why: Limit | int) -> None:
        """Then read on for a while, and throw it away: closing would reset the connection, and the peer not see why."""
        reading_body = not self._message_complete and not self._idle
        if self._unanswered > reading_body:
            return
        if reading_body:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if reading_body and self.cycle.response_started:
            self._close()
            return
        # In a context of its own: this one is shared with other connections.
        contextvars.Context().run(self._write_problem, why)
        self.transport.write_eof()
        self._unanswered = 0
        self._unset_keepalive_if_required()
        self._start_timer()

    def _write_problem(self, why: Limit | int) -> None:
        request_id, _ = context.identify([])
        problem = why.refusal() if isinstance(why, Limit) else Problem(why)
        headers, body = render(problem)
        headers += [(b"x-request-id", request_id.encode()), (b"connection", b"close")]
        lines = [b"HTTP/1.1 %d %s" % (problem.status_code, problem.title.encode())]
        lines += [name + b": " + value for name, value in self.server_state.default_headers + headers]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        client = self.client[0] if self.client else None
        logger.info("Refused what is no whole request: %d", problem.status_code, extra={"client_address": client})

    def _end(self) -> None:
        """Say that nothing more comes, then read on for a while, and throw it away (RFC 9112, 9.6).

        Closing would reset the connection where the peer has sent more, and the answer could be lost with it.
        """
        if self.transport.is_closing() or self._ended:
            return
        self._ended, self._begun = True, False
        self.transport.write_eof()
        self._stop_timer()
        self._start_timer()
        self._watch_writing()

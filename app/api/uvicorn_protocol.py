"""uvicorn's two protocols, made to let go of clients that stopped reading.

uvicorn closes politely: it waits for its write buffer to drain, which a client that stopped reading never allows, so
the socket, its task and its subscriptions stay for ever. It also answers every WebSocket ping at once, and buffers
without limit the pongs that a client does not read. The classes here put an end to both, and let a crowd of idle
WebSockets cost little. They stand on parts of uvicorn that are not public, hence the check of its version.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from app.api import frames
from app.api.connections import LOST
from app.api.frames import Next
from app.api.headers import Headers
from app.api.pulse import Pulse
from app.api.waiting import Ear, Gate, Mailbox
from app.api.wires import EXTENSION, Gone, Listener

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

REPLY = "atrium.reply"
"""The scope's extension that writes a whole response: `(status, headers, body) -> whether it did`."""

STALL_SECONDS = 30.0
"""How long a write buffer may stay above its high-water mark (64 KiB)."""
LINGER_SECONDS = 5.0
"""How long a connection that is over may take to flush its last bytes."""
MAX_WRITE_BUFFER = 256 * 1024
"""Bytes waiting to be read by a client beyond which its pings are no longer answered."""
MAX_PINGS = 50
"""Pings a client may send in one second."""

_log = logging.getLogger("uvicorn.websockets")
_log.setLevel(logging.WARNING)  # uvicorn tells three times of each socket; the application has its own lines

_TOO_SLOW = 4008
_POLICY_VIOLATION = 1008
_SEAMS = {
    HttpToolsProtocol: (
        *("on_message_begin", "on_headers_complete", "shutdown"),
        *("pause_writing", "resume_writing", "connection_lost"),
    ),
    RequestResponseCycle: ("run_asgi", "send", "receive"),
    WebSocketsSansIOProtocol: (
        *("handle_connect", "handle_ping", "handle_pong", "handle_cont", "handle_close", "send_500_response"),
        *("start_keepalive", "stop_keepalive", "keepalive_timeout", "on_task_complete"),
        *("pause_writing", "resume_writing", "connection_lost", "run_asgi", "send"),
    ),
}


def _check_uvicorn() -> None:
    gone = [f"{base.__name__}.{name}" for base, names in _SEAMS.items() for name in names if not hasattr(base, name)]
    if not uvicorn.__version__.startswith("0.54.") or gone:
        raise ImportError(
            f"app.api.uvicorn_protocol extends private parts of uvicorn 0.54; this is uvicorn {uvicorn.__version__}"
            + (f", without {', '.join(gone)}" if gone else "")
            + ". Compare its protocols with uvicorn 0.54's, run tests/api/sockets, then change the version named here."
        )


_check_uvicorn()


class HardenedHTTPProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose reader must read: a response that nobody takes for 30 s is cut off.

    A scope's extension `atrium.stopping` is an asyncio.Event, set when the server begins to stop: a stream without an
    end ends itself then, instead of holding the stop up. `atrium.lost` takes a function to call when the connection is
    lost, and `atrium.reply` a whole response.
    """

    _stall: asyncio.TimerHandle | None = None
    _lost: Callable[[], None] | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.stopping = asyncio.Event()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._extensions: dict[str, Any] = {"atrium.stopping": self.stopping, LOST: self._when_lost}
        self.scope["extensions"] = self._extensions

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.cycle is not None and self.cycle.scope is self.scope:
            self._extensions[REPLY] = partial(self._reply, self.cycle)

    def _when_lost(self, call: Callable[[], None] | None) -> None:
        self._lost = call

    def _reply(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> bool:
        """Write a whole response at once; False if that cannot be done now.

        For headers that need no look: well-formed names in lower case, and the true `content-length` among them.
        """
        if self.flow.write_paused or cycle.response_started:
            return False
        if cycle.disconnected:
            return True
        parts = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        parts.append(body)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self.transport.write(b"".join(parts))
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def shutdown(self) -> None:
        super().shutdown()
        self.stopping.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._stall is not None:
            self._stall.cancel()
        if self._lost is not None:
            self._lost()


class HardenedWebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket whose peer must read, answer pings, and ping with measure.

    - No pong before the next ping is due: cut off at once.
    - A write buffer above its high-water mark for 30 s: closed with 4008.
    - More than 50 pings in a second: closed with 1008. A ping while 256 KiB wait to be read: cut off.
    - A connection that is over and still open 5 s later: cut off.

    It is a `Wire` as well, offered in its scope: an application that has accepted may `listen` on it and return. Then
    nothing stays of the request, nor of the application's call, and what is sent goes into the transport as it is.
    """

    _stall: asyncio.TimerHandle | None = None
    _linger: asyncio.TimerHandle | None = None
    _ping_second = 0
    _pings = 0
    _pulse: Pulse | None = None
    _listener: Listener | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue, self.writable = Mailbox(), Gate()  # type: ignore[assignment]
        self.logger = self.conn.logger = _log

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self

    def listen(self, listener: Listener) -> None:
        """Give to a listener what comes, and has come since the handshake."""
        self._listener = listener
        mailbox, self.queue = self.queue, Ear(listener)  # type: ignore[assignment]
        self.scope = self.request = self.response = None  # type: ignore[assignment]
        while not mailbox.empty():
            self.queue.put_nowait(mailbox.get_nowait())

    def offer(self, message: Next, id: bytes) -> bool:
        if not self.writable.is_set() or self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(message.frame(id))
        return True

    def say(self, message: bytes) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(frames.text(message))

    async def drained(self) -> None:
        await self.writable.wait()
        if self.close_sent or self.transport.is_closing():
            raise Gone

    async def close(self, code: int, reason: str) -> None:
        with suppress(ClientDisconnected):
            await self.send({"type": "websocket.close", "code": code, "reason": reason})
        self._cut_off_later()

    def read_on(self) -> None:
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.on_task_complete)
        return task

    def start_keepalive(self) -> None:
        if self.ping_interval:
            self._pulse = Pulse.of(self.config)
            self._pulse.add(self)

    def stop_keepalive(self) -> None:
        if self._pulse is not None:
            self._pulse.discard(self)
        self.pending_ping_payload = None

    def beat(self, payload: bytes, frame: bytes) -> None:
        """Ping, unless the last ping was not answered."""
        if self.pending_ping_payload is not None:
            self.keepalive_timeout()
        elif not self.close_sent and not self.transport.is_closing():
            self.pending_ping_payload = payload
            self.transport.write(frame)

    def handle_pong(self, event: Frame) -> None:
        if event.data == self.pending_ping_payload:
            self.pending_ping_payload = None

    def handle_ping(self) -> None:
        if self.close_sent:
            return
        second = int(self.loop.time())
        if second != self._ping_second:
            self._ping_second, self._pings = second, 0
        self._pings += 1
        if self._pings > MAX_PINGS:
            self._evict(_POLICY_VIOLATION, "Too many pings")
            return
        super().handle_ping()
        if self.transport.get_write_buffer_size() > MAX_WRITE_BUFFER:
            self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        # Empty fragments are outside the limit on a message's size, and would pile up.
        if event.data or event.fin:
            super().handle_cont(event)

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        if self.transport.is_closing():  # which ends when all is flushed, and the client may never read it
            self._cut_off_later()

    def shutdown(self) -> None:
        super().shutdown()
        self._cut_off_later()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self.loop.call_later(STALL_SECONDS, self._evict, _TOO_SLOW, "Reads too slowly")

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._stall, self._linger):
            if timer is not None:
                timer.cancel()

    async def run_asgi(self) -> None:
        """As uvicorn's; but a connection that somebody listens on outlives the application's call."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
        self.send_500_response()  # unless the handshake was answered
        if self._listener is None:
            if self.close_timer is None:
                self.transport.close()
            self._cut_off_later()

    async def send(self, message: "ASGISendEvent") -> None:
        """Tell the application that the client is gone also when it was this side that closed, by its own decision."""
        if self.close_sent:
            raise ClientDisconnected
        try:
            await super().send(message)
        except RuntimeError:
            if self.close_sent:
                raise ClientDisconnected from None
            raise

    def _evict(self, code: int, reason: str) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        self.stop_keepalive()
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.close()
        self._cut_off_later()

    def _cut_off_later(self) -> None:
        if self._linger is None and not self.disconnected:
            self._linger = self.loop.call_later(LINGER_SECONDS, self.transport.abort)


SERVER_OPTIONS: dict[str, Any] = {
    "http": HardenedHTTPProtocol,
    "ws": HardenedWebSocketProtocol,
    "ws_max_size": 131_072,
    "ws_per_message_deflate": False,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
}
"""What uvicorn.Config needs for a client that stopped reading to be gone within 40 s."""

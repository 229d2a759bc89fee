"""uvicorn's two protocols, made to let go of clients that stopped reading.

uvicorn closes politely: it waits for its write buffer to drain, which a client that stopped reading never allows, so
the socket, its task and its subscriptions stay for ever. It also answers every WebSocket ping at once, and buffers
without limit the pongs that a client does not read. The classes here put an end to both. They stand on parts of
uvicorn that are not public, hence the check of its version.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

STALL_SECONDS = 30.0
"""How long a write buffer may stay above its high-water mark (64 KiB)."""
LINGER_SECONDS = 5.0
"""How long a connection that is over may take to flush its last bytes."""
MAX_WRITE_BUFFER = 256 * 1024
"""Bytes waiting to be read by a client beyond which its pings are no longer answered."""
MAX_PINGS = 50
"""Pings a client may send in one second."""

_TOO_SLOW = 4008
_POLICY_VIOLATION = 1008
_SEAMS = {
    HttpToolsProtocol: ("on_message_begin", "shutdown", "pause_writing", "resume_writing", "connection_lost"),
    WebSocketsSansIOProtocol: (
        *("handle_ping", "handle_cont", "handle_close", "keepalive_timeout", "stop_keepalive"),
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
    end ends itself then, instead of holding the stop up.
    """

    _stall: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.stopping = asyncio.Event()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = self.scope.setdefault("extensions", {})
        extensions["atrium.stopping"] = self.stopping

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


class HardenedWebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket whose peer must read, answer pings, and ping with measure.

    - No pong within the timeout: cut off at once.
    - A write buffer above its high-water mark for 30 s: closed with 4008.
    - More than 50 pings in a second: closed with 1008. A ping while 256 KiB wait to be read: cut off.
    - A connection that is over and still open 5 s later: cut off.
    """

    _stall: asyncio.TimerHandle | None = None
    _linger: asyncio.TimerHandle | None = None
    _ping_second = 0
    _pings = 0

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

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._stall, self._linger):
            if timer is not None:
                timer.cancel()

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
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

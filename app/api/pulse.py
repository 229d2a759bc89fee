"""The pulse of a server: every WebSocket is pinged once in an interval, by one timer for all."""

import asyncio
import secrets
from typing import Protocol
from weakref import WeakKeyDictionary

from uvicorn import Config

from app.api import frames

STEPS = 40
"""Parts of an interval, each with its share of the sockets: an idle crowd is never pinged all at once."""

_pulses: WeakKeyDictionary[Config, "Pulse"] = WeakKeyDictionary()


class Beating(Protocol):
    def beat(self, payload: bytes, frame: bytes) -> None:
        """Send a ping, whose frame holds this payload; or end what did not answer the one before."""


class Pulse:
    @staticmethod
    def of(config: Config) -> "Pulse":
        """That of one server."""
        if config not in _pulses:
            assert config.ws_ping_interval
            _pulses[config] = Pulse(config.ws_ping_interval)
        return _pulses[config]

    def __init__(self, interval: float) -> None:
        """`interval`: seconds from one ping of a socket to the next."""
        self._pause = interval / STEPS
        self._shares: list[set[Beating]] = [set() for _ in range(STEPS)]
        self._turn = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, socket: Beating) -> None:
        """Ping it for the first time when an interval has passed."""
        self._shares[self._turn].add(socket)
        if self._timer is None:
            self._rest()

    def discard(self, socket: Beating) -> None:
        for share in self._shares:
            share.discard(socket)

    def _rest(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._beat)

    def _beat(self) -> None:
        self._turn = (self._turn + 1) % STEPS
        payload = secrets.token_bytes(4)  # so that no pong fits that was not asked for
        frame = frames.ping(payload)
        for socket in list(self._shares[self._turn]):
            socket.beat(payload, frame)
        self._timer = None
        if any(self._shares):
            self._rest()

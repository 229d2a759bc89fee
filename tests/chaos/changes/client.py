"""A client of a chaos run: it outlives the processes it talks to, hangs up at random and comes back with its cursor."""

import asyncio
import json
import random
import socket
import struct
import time
from contextlib import suppress
from typing import Any

from tests.chaos.changes.business import CONVERSATIONS, ORDERS, WALLETS, ChaosEnded

_RESET = struct.pack("ii", 1, 0)


class Client:
    def __init__(self, number: int, ports: list[int], seed: int) -> None:
        self._chance = random.Random(f"{seed}/{number}")
        self._ports, self._slow = ports, number == 0
        many = [f"c:{(number + n) % CONVERSATIONS}" for n in range(2 + number % 7)]
        kinds = [[f"c:{number % CONVERSATIONS}"], [f"r:{number % ORDERS}", many[0]], [*many, f"w:{number % WALLETS}"]]
        self.streams = ["end", *kinds[number % 3]]
        self.found: list[tuple[int, str, float]] = []
        """Position, event id and time of arrival of all that came, in the order in which it came."""
        self.connections = 0
        self.refusals: list[str] = []
        self.ended = asyncio.Event()
        self._cursor: str | None = None

    async def run(self) -> None:
        """Stay connected, more or less, until the end was told."""
        while not self.ended.is_set():
            with suppress(OSError, TimeoutError, ValueError):  # ValueError: half a line, of a process that was killed
                await self._visit(self._chance.uniform(0.3, 6))
            await asyncio.sleep(self._chance.uniform(0, 0.3))

    async def _visit(self, seconds: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._chance.choice(self._ports))
        self.connections += 1
        try:
            writer.write(json.dumps({"streams": self.streams, "after": self._cursor}).encode() + b"\n")
            async with asyncio.timeout(seconds):
                while line := await reader.readline():
                    await self._take(json.loads(line))
                    if self.ended.is_set():
                        return
        finally:
            connected: socket.socket = writer.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)  # no farewell: a reset
            writer.transport.abort()

    async def _take(self, told: dict[str, Any]) -> None:
        if "error" in told:
            self.refusals.append(told["error"])
            return
        self.found.append((told["position"], told["id"], time.time()))
        self._cursor = told["cursor"]
        if told["type"] == ChaosEnded.type():
            self.ended.set()
        if self._slow and self._chance.random() < 0.01:
            await asyncio.sleep(1)

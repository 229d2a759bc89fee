"""Wires between processes, which can be cut: a TCP relay before each server, as a process of its own.

A cut wire is silent, as a network is that lost its packets: nothing is refused and nothing is closed, what was sent
waits, and goes on when the wire is mended. Who sends is known by the process that holds the other end of a connection.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import uvloop

from app.dev.children import Child
from tests.faults.ports import quiet_port

PIECE = 64 * 1024

Cut = tuple[int, int | None]
"""The port of a wire, and the process that cannot use it; None for everybody."""


class Wires:
    """The relays of a test. Start it before the servers, whose clients use the ports that `before` answers."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._relays = directory, dict[int, int]()
        self._control, self.process = quiet_port(), Child("wires", [], directory)

    def before(self, port: int) -> int:
        """The port of a new wire that leads to a server's port."""
        wire = quiet_port()
        self._relays[wire] = port
        return wire

    async def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        given = json.dumps({"control": self._control, "relays": self._relays})
        self.process.command = [sys.executable, "-m", "tests.faults.wires", given]
        self.process.start()
        async with asyncio.timeout(30):
            while True:
                with suppress(OSError):
                    await self.cut(())
                    return
                await asyncio.sleep(0.02)

    async def cut(self, cuts: Iterable[Cut]) -> None:
        """Cut these and mend all others; returns when it is so."""
        await self._ask({"cut": list(cuts)})

    async def origins(self) -> dict[int, int]:
        """The ports from which connections reach wires, by the ports from which they then reach servers."""
        answer: Mapping[str, int] = await self._ask({})
        return {int(outer): inner for outer, inner in answer.items()}

    async def _ask(self, question: Mapping[str, Any]) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._control)
        try:
            writer.write(json.dumps(question).encode() + b"\n")
            return json.loads(await reader.readline())
        finally:
            writer.close()


class _Connection:
    """One connection through a wire; `whole` while what it carries may pass."""

    def __init__(self, wire: int, peer: int) -> None:
        self.wire, self.peer, self.outer = wire, peer, 0
        self.whole = asyncio.Event()


class _Relay:
    """All wires, inside the process that carries them."""

    def __init__(self, relays: Mapping[int, int]) -> None:
        self._relays = relays
        self._connections: set[_Connection] = set()
        self._cuts: list[Cut] = []
        self._strangers = asyncio.Event()

    async def run(self, control: int) -> None:
        for wire in self._relays:
            await asyncio.start_server(self._accept, "127.0.0.1", wire, backlog=1024)
        judging = asyncio.create_task(self._judge())
        server = await asyncio.start_server(self._obey, "127.0.0.1", control)
        await asyncio.gather(judging, server.serve_forever())

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = json.loads(await reader.readline())
        if "cut" in question:
            self._cuts = [(wire, pid) for wire, pid in question["cut"]]
            await self._apply()
        answer = {one.outer: one.peer for one in self._connections if one.outer}
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    async def _judge(self) -> None:
        """Find out who made new connections, for all of them at once: to ask the system takes long."""
        while True:
            await self._strangers.wait()
            self._strangers.clear()
            await self._apply()

    async def _apply(self) -> None:
        """Let pass what may. Who came meanwhile waits for the next time."""
        known = list(self._connections)
        cuts = list(self._cuts)
        pids = {pid for _, pid in cuts if pid is not None}
        ports = await asyncio.to_thread(lambda: {pid: _ports(pid) for pid in pids})
        closed = {wire for wire, pid in cuts if pid is None}
        barred = {(wire, port) for wire, pid in cuts if pid is not None for port in ports[pid]}
        for one in known if cuts == self._cuts else ():  # else somebody else applies newer ones
            if one.wire in closed or (one.wire, one.peer) in barred:
                one.whole.clear()
            else:
                one.whole.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire, peer = (writer.get_extra_info(name)[1] for name in ("sockname", "peername"))
        connection = _Connection(wire, peer)
        self._connections.add(connection)
        try:
            if any(cut == wire for cut, _ in self._cuts):
                self._strangers.set()
            else:
                connection.whole.set()
            await connection.whole.wait()
            onward = await asyncio.open_connection("127.0.0.1", self._relays[wire])
            connection.outer = onward[1].get_extra_info("sockname")[1]
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_carry(reader, onward[1], connection.whole))
                    group.create_task(_carry(onward[0], writer, connection.whole))
            finally:
                onward[1].transport.abort()
        except* OSError:
            pass  # one of the two is gone, and the other is told
        finally:
            self._connections.discard(connection)
            writer.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, whole: asyncio.Event) -> None:
    """Until one end closes; raises OSError then, so that the other end is closed, too."""
    while True:
        piece = await reader.read(PIECE)
        await whole.wait()
        if not piece:
            raise ConnectionResetError
        writer.write(piece)
        await writer.drain()


def _ports(pid: int) -> set[int]:
    """The local ports of a process's connections."""
    try:
        return {connection.laddr.port for connection in psutil.Process(pid).net_connections("tcp4")}
    except psutil.Error:
        return set()


def main(given: str) -> None:
    asked = json.loads(given)
    relays = {int(wire): port for wire, port in asked["relays"].items()}
    uvloop.run(_Relay(relays).run(asked["control"]))


if __name__ == "__main__":
    main(sys.argv[1])

"""Members of a deployment: one process each, which can be struck in every way and comes back as what it was."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import psutil

from app.dev.children import Child
from tests.world import until

PATIENCE_SECONDS = 60
"""Within which what was killed must work again, however busy the machine."""
GRACE_SECONDS = 40
"""After SIGTERM; orchestrators have less patience, tests of stopping have their own bounds."""


class Member:
    """A process, and how to know that it works, which is asked after each start; `port` is how others reach it."""

    def __init__(self, process: Child, ready: Callable[["Member"], Awaitable[object]], port: int | None = None) -> None:
        self.process, self.port = process, port
        self._ready, self._restarting, self._heard = ready, asyncio.Lock(), 0

    def __str__(self) -> str:
        return self.process.name

    @property
    def pid(self) -> int:
        assert self.process.pid
        return self.process.pid

    async def start(self) -> None:
        """Returns when it works."""
        log = self.process.log_file
        self._heard = log.stat().st_size if log.exists() else 0
        self.process.start()
        await self._ready(self)

    async def says(self, text: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until its log holds a text since its last start."""

        async def said() -> bool:
            return text.encode() in self.process.log_file.read_bytes()[self._heard :]

        await until(said, seconds)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    async def terminate(self) -> float:
        """SIGTERM; returns when it has ended, with the seconds that it took."""
        begun = time.monotonic()
        self.process.terminate()

        async def ended() -> bool:
            return not self.process.running

        await until(ended, GRACE_SECONDS)
        return time.monotonic() - begun

    async def restart(self, *, gently: bool = False, pause: float = 0) -> None:
        """Kill it, or ask it to stop, and start it again after a pause; returns when it works."""
        async with self._restarting:
            if gently:
                await self.terminate()
            else:
                self.kill()
            await asyncio.sleep(pause)
            await self.start()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """SIGSTOP, and SIGCONT at the end, unless it was killed meanwhile."""
        process = psutil.Process(self.pid)
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    async def freeze(self, seconds: float) -> None:
        async with self.frozen():
            await asyncio.sleep(seconds)

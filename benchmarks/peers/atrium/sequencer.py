"""Number what the servers write: `python -m benchmarks.peers.atrium.sequencer`, the part of a worker that is needed."""

import asyncio

import uvloop

from app import startup
from app.core import changes, logs
from app.core.settings import Settings


async def run(settings: Settings) -> None:
    async with startup.connected(settings):
        await changes.prepare()
        await changes.Sequencer().run()


if __name__ == "__main__":
    logs.configure(Settings())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(run(Settings()))

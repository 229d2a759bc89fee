"""A process that numbers events and relays them, until it is killed.

`RELAY_URL=... python -m tests.services.platform.relaying URI DATABASE`
"""

import asyncio
import sys

from app.core import changes, database
from app.core.circuits import Breaker
from app.core.outside import Outside
from app.integrations import rabbitmq
from app.services.platform import relay


async def work(uri: str, name: str) -> None:
    database.connect(uri, name)
    rabbitmq.SERVER = Outside("rabbitmq of the test", timeout=3, concurrency=1, breaker=Breaker(rest=0.5, longest=1))
    await asyncio.gather(changes.Sequencer().run(), relay.run())


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))

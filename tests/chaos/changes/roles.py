"""The processes of a chaos run: `python -m tests.chaos.changes.roles ROLE URI DATABASE REDIS [ARGUMENT]`.

sender FILE   writes until killed, and appends to the file what was acknowledged: event id and time
worker        the sequencer, and a consumer that turns every message into one job
api PORT      a hub behind a socket: a client sends streams and cursor, and gets a line for every change
"""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bson import ObjectId
from pymongo.errors import BulkWriteError, PyMongoError

from app.core import changes, database, signals
from app.core.changes import Change, Consumer, Sequencer
from app.core.errors import AppError
from tests.chaos.changes.business import WRITES, ChaosMessageSent

WRITERS = 6
PAUSE = 0.02


async def sender(acknowledgements: str) -> None:
    with Path(acknowledgements).open("ab", buffering=0) as file:

        async def write() -> None:
            chance = random.Random(os.urandom(8))
            while True:
                try:
                    event = await chance.choice(WRITES)(chance)
                except (PyMongoError, AppError, OSError) as error:
                    print(f"not acknowledged: {error!r:.200}", flush=True)
                else:
                    if isinstance(event, ObjectId):
                        file.write(f"{event} {time.time():.3f}\n".encode())
                await asyncio.sleep(chance.expovariate(1 / PAUSE))

        await asyncio.gather(*(write() for _ in range(WRITERS)))


async def worker() -> None:
    async def handle(found: Sequence[Change]) -> None:
        jobs = [{"_id": c.id, "message": c.event.message} for c in found if isinstance(c.event, ChaosMessageSent)]
        try:
            if jobs:
                await database.collection("jobs").insert_many(jobs, ordered=False)
        except BulkWriteError as error:
            if any(one["code"] != 11000 for one in error.details["writeErrors"]):
                raise

    await asyncio.gather(Sequencer().run(), Consumer("jobs", handle).run())


async def api(port: str) -> None:
    async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            streams = asked["streams"]
            after = hub.read_cursor(asked["after"], streams) if asked["after"] else 0
            async with hub.follow(streams, after) as feed:
                async for change in feed:
                    line = {"position": change.position, "id": str(change.id), "type": change.type}
                    writer.write(json.dumps({**line, "cursor": hub.cursor(change.position, streams)}).encode() + b"\n")
                    await writer.drain()
        except AppError as error:
            writer.write(json.dumps({"error": error.code}).encode() + b"\n")
        except (OSError, ValueError):
            pass
        finally:
            writer.close()

    while True:
        try:
            hub = await changes.start_hub()
            break
        except PyMongoError:
            await asyncio.sleep(0.2)
    server = await asyncio.start_server(follow, "127.0.0.1", int(port))
    async with server:
        await server.serve_forever()


async def main(role: str, uri: str, name: str, redis: str, *arguments: str) -> None:
    database.connect(uri, name)
    signals.connect(redis)
    await {"sender": sender, "worker": worker, "api": api}[role](*arguments)  # type: ignore[operator]


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

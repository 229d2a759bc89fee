"""A process that works under a lock, and prints what it does.

`python -m tests.core.locking URI DATABASE count` adds COUNT times to a number, reading it and writing it back.
`python -m tests.core.locking URI DATABASE stay` holds the lock, prints its token, waits for a line and writes guarded.
"""

import asyncio
import sys

import pymongo

from app.core import database, locks

COUNT = 100


async def count() -> None:
    """Lose an update whenever somebody else is between the two commands."""
    numbers = database.collection("numbers")
    print("ready", flush=True)
    sys.stdin.readline()
    for one in range(COUNT):
        if one in {0, COUNT // 2}:  # who is first waits for the other, so neither works alone from end to end
            await met(one)
        async with locks.hold("number", wait=60) as lock:
            row = await numbers.find_one({"_id": "number"}) or {"value": 0}
            await numbers.update_one({"_id": "number"}, {"$set": {"value": row["value"] + 1}}, upsert=True)
            print(lock.token)


async def met(place: int) -> None:
    """Wait until two processes have come here."""
    meetings = database.collection("meetings")
    await meetings.insert_one({"place": place})
    while await meetings.count_documents({"place": place}) < 2:
        await asyncio.sleep(0.005)


async def stay(uri: str, name: str) -> None:
    with pymongo.MongoClient[database.Document](uri) as client:
        try:
            async with locks.hold("number") as lock:
                print(lock.token, flush=True)
                sys.stdin.readline()  # the loop stands still, so nothing tells it that the lease has ended
                where, fence = lock.guard()
                write = {"$set": {"value": "stale"}, **fence}
                print(client[name].numbers.update_one({"_id": "number", **where}, write).modified_count, flush=True)
                await asyncio.sleep(60)
        except locks.LockLost:
            print("lost", flush=True)


async def main(uri: str, name: str, work: str) -> None:
    database.connect(uri, name)
    await (count() if work == "count" else stay(uri, name))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

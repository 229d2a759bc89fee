"""A worker process that makes something and then never ends: to be killed."""

import asyncio
import os
import sys

from app.core import database
from app.core.jobs import Job, Runner, queue
from tests.core.jobs.tasks import Asked, declared

queue.LEASE = 0.6


async def make(job: Job[Asked]) -> None:
    await database.collection("made").insert_one({"_id": job.id})
    await asyncio.Event().wait()


async def main() -> None:
    database.connect(os.environ["MONGODB_URI"], sys.argv[1])
    await Runner([declared("make", make, timeout=3600)]).run()


if __name__ == "__main__":
    asyncio.run(main())

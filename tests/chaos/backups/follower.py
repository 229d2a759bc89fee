"""A process that does nothing but follow the oplog, to be killed."""

import asyncio
import sys

from app.core import database
from app.core.backups import Archive, Tail, tailing
from tests.chaos.backups.run import KEYS


async def main(uri: str, name: str, url: str, every: str) -> None:
    tailing.EVERY = float(every)
    database.connect(uri, name)
    await Tail(Archive(url, name, KEYS)).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

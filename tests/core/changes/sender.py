"""A process that sends, and prints the ids of what was acknowledged.

`python -m tests.core.changes.sender URI DATABASE SENDERS MESSAGES`
"""

import asyncio
import sys

from app.core import changes, database
from tests.core.changes.notes import ACTOR, Note, NoteMade


async def send(uri: str, name: str, senders: int, messages: int) -> None:
    database.connect(uri, name)
    sys.stdin.readline()  # all processes begin together

    async def one() -> None:
        for _ in range(messages):
            event = NoteMade(ACTOR, stream="c:hot")
            await changes.insert(Note(key=str(event.id)), event)
            sys.stdout.write(f"{event.id}\n")

    await asyncio.gather(*(one() for _ in range(senders)))
    await database.close()


if __name__ == "__main__":
    asyncio.run(send(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))

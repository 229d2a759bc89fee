"""What must hold in every database of Atrium, whatever moment it shows. A restore is good when all of it does."""

from collections.abc import Awaitable, Callable

from app.core import database
from app.core.changes import log

Check = Callable[[], Awaitable[list[str]]]
"""Looks at the process's database and answers what is wrong, in words."""


async def log_is_whole() -> list[str]:
    """Positions are dense from the floor on, no event is there twice, and no consumer is ahead of the log."""
    floor, head = (await log.state()).floor, await log.head()
    wrong = []
    rows = await log.majority().count_documents({"_id": {"$gt": floor}})
    if rows != head - floor:
        wrong.append(f"the log holds {rows} rows between its floor {floor} and its head {head}")
    indexes = await database.collection(log.LOG).index_information()
    if not any(index["key"] == [("e", 1)] and index.get("unique") for index in indexes.values()):
        wrong.append("nothing keeps an event from being in the log twice")
    ahead = database.collection(log.CONSUMERS).find({"position": {"$gt": head}})
    wrong += [f"the consumer {row['_id']} has read beyond the log" async for row in ahead]
    return wrong

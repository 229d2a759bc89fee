"""Appending to the log, which only the sequencer does."""

from collections.abc import Iterable
from typing import Any

from app.core import database, queries
from app.core.changes.log import LOG, head, majority
from app.core.clock import now

BATCH = 1_000
"""Rows in one command."""

EventRow = dict[str, Any]

_KEPT = ("e", "t", "o", "s", "a", "d", "c", "x")


class Appender:
    """Writes event rows at the next positions. A second writer is refused by the unique position or event id."""

    def __init__(self, position: int) -> None:
        self.position = position
        self._last: set[Any] = set()

    @classmethod
    async def at_head(cls) -> "Appender":
        return cls(await head())

    def fresh(self, events: Iterable[EventRow]) -> list[EventRow]:
        """The events, each once, without those of the batch before: `change_all` repeats one in many documents."""
        by_id = {event["e"]: event for event in events}
        last, self._last = self._last, set(by_id)
        return [event for id, event in by_id.items() if id not in last]

    async def append(self, events: list[EventRow]) -> None:
        """Raises BulkWriteError when another process got there first."""
        for first in range(0, len(events), BATCH):
            some = events[first : first + BATCH]
            at = now()
            rows = [
                {"_id": n, **{name: e[name] for name in _KEPT if name in e}, "o": e.get("o"), "at": at}
                for n, e in enumerate(some, self.position + 1)
            ]
            # Majority: a row that a failover took back would leave a hole below rows that were counted on top of it.
            await database.collection(LOG).insert_many(rows, ordered=True)
            self.position += len(rows)


async def unknown(events: list[EventRow]) -> list[EventRow]:
    """The events that are not in the log yet.

    Like `at_head` it trusts only what a failover cannot take back: counting on a row that is then rolled back loses an
    event.
    """
    ids = [event["e"] for event in events]
    known = {row["e"] for row in await queries.find(majority(), {"e": {"$in": ids}}, {"_id": 0, "e": 1})}
    return [event for event in events if event["e"] not in known]

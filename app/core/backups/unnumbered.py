"""Events that were committed and that the log had not numbered yet, at the moment to which a database is restored.

The oplog tells both: writes carry events, and the sequencer inserts rows. So none is lost, and their order is kept.
"""

from collections.abc import Iterator
from typing import Any

from app.core.backups.claim import UNFINISHED
from app.core.backups.oplog import Operation
from app.core.changes.appending import Appender, unknown
from app.core.changes.envelope import FIELD, unpack
from app.core.changes.log import LOG


class Unnumbered:
    """Follows the operations of a database."""

    def __init__(self, source: str) -> None:
        self._log = f"{source}.{LOG}"
        self._events: dict[Any, dict[str, Any]] = {}

    def follow(self, operation: Operation) -> None:
        if operation["op"] == "i" and operation["ns"] == self._log:
            self._events.pop(operation["o"]["e"], None)
        elif operation["op"] in ("i", "u"):
            for envelope in _carried(operation["o"]):
                self._events |= {event["e"]: event for event in unpack(envelope)}
        elif operation["op"] == "c" and operation["o"].get("drop") == UNFINISHED:
            self._events.clear()  # it was restored in place: what its documents carry had been numbered

    async def number(self) -> int:
        """Append them to the log of the process's database; answers how many there were."""
        appender = await Appender.at_head()
        missing = await unknown(appender.fresh(list(self._events.values())))
        if missing:
            await appender.append(missing)
        return len(missing)


def _carried(change: Operation) -> Iterator[object]:
    """The envelopes that the sequencer would read: of inserts, and of updates, which are logged as differences."""
    parts = [change.get("diff", {}).get(part, {}) for part in ("i", "u")] if "$v" in change else [change]
    yield from (part[FIELD] for part in parts if FIELD in part)

"""The log: every event at its position, the order in which the writes were committed.

    log        {_id: position, e: event id, t: type, o: organization, s: [streams], a: actor, d: data, at,
                c: {v: door, i: id, p: sealed address and agent}, x: sealed {field: [before, after]}}
    sequencer  {_id: "log", epoch, floor, seen, token | since}    {_id: "lease", owner, until}
    outbox     {_id, _events}                    one for each transaction that told something
    requests   {_id: key, fingerprint, answer, at}               see `idempotency`
    consumers  {_id: name, position, owner, until, since, paused_at, error, error_at, error_position, restarts}

Positions are dense from `floor` + 1. `floor` is the last position that was trimmed away; `epoch` changes when
positions lose their meaning, and every cursor with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from bson import ObjectId, Timestamp
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import CollectionInvalid, OperationFailure
from pymongo.read_concern import ReadConcern

from app.core import database, queries
from app.core.changes.events import Event
from app.core.changes.idempotency import KEPT, REQUESTS
from app.core.changes.scope import OUTBOX
from app.core.clock import now, source
from app.core.database import Document
from app.core.keyring import Sealed

LOG = "log"
SEQUENCER = "sequencer"
LEASE = "lease"
"""Of the documents in SEQUENCER, the one whose owner leads."""
CONSUMERS = "consumers"
HINT = "log"
"""The channel of `core.signals` on which the newest position is announced."""
PAGE = 500
MARGIN = timedelta(hours=1)
"""How far the clocks of writers and sequencers may be apart; the log never keeps less than twice this."""

_NAMESPACE_EXISTS = 48
_UNREAD = object()


@dataclass(slots=True, eq=False)
class Change:
    """One row of the log. All subscriptions of a process that hear of it while it is new share one object."""

    position: int
    id: ObjectId
    type: str
    organization_id: ObjectId | None
    streams: Sequence[str]
    actor: str
    data: Mapping[str, Any]
    at: datetime
    origin: Mapping[str, Any] | None = None
    """Where it comes from, as `core.origin` writes it."""
    image: Sealed | None = None
    """The audited fields that it changed: BSON of `{name: [before, after]}`."""
    cache: dict[Any, Any] = field(default_factory=dict)
    """What one subscriber has loaded on account of this change and others may share."""
    _event: Any = field(default=_UNREAD, init=False, repr=False)

    @classmethod
    def of(cls, row: Document) -> "Change":
        image = Sealed(row["x"]) if "x" in row else None
        rest = row["s"], row["a"], row["d"], row["at"], row.get("c"), image
        return cls(row["_id"], row["e"], row["t"], row.get("o"), *rest)

    @property
    def event(self) -> Event | None:
        """The event as its class; None when this process does not know the type.

        Raises TypeError when the data does not fit the class: its fields changed and its schema_version did not.
        """
        if self._event is _UNREAD:
            row = {"e": self.id, "t": self.type, "o": self.organization_id, "d": self.data}
            self._event = Event.read(row)
        return cast("Event | None", self._event)


@dataclass(frozen=True, slots=True)
class State:
    """What holds for the whole log."""

    epoch: int
    floor: int


async def prepare() -> None:
    """Create what the log needs, before the first write. May be run again, by many processes at once."""
    await _create(LOG, clusteredIndex={"key": {"_id": 1}, "unique": True})
    for name in (OUTBOX, SEQUENCER, CONSUMERS, REQUESTS):
        await _create(name)
    await database.collection(LOG).create_index([("e", 1)], unique=True)
    await database.collection(LOG).create_index([("s", 1), ("_id", 1)])
    await database.collection(REQUESTS).create_index("at", expireAfterSeconds=int(KEPT.total_seconds()))
    # The first epoch is a moment, so that cursors of a database that was here before are refused.
    first = {"since": await operation_time(), "seen": now(), "epoch": int(source()), "floor": 0}
    await database.collection(SEQUENCER).update_one({"_id": LOG}, {"$setOnInsert": first}, upsert=True)


async def _create(name: str, **options: Any) -> None:
    try:
        await database.database().create_collection(name, **options)
    except CollectionInvalid:
        pass
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise


async def operation_time() -> Timestamp:
    """The server's present place in its oplog. Raises RuntimeError for a server that has none."""
    answer = await database.client().admin.command("ping")
    if "operationTime" not in answer:
        raise RuntimeError("MongoDB must run as a replica set, of one node at least: start it with --replSet")
    return cast("Timestamp", answer["operationTime"])


def majority() -> AsyncCollection[Document]:
    """The log as readers see it: only what no failover can take back."""
    return database.database().get_collection(LOG, read_concern=ReadConcern("majority"))


async def state() -> State:
    """Raises RuntimeError before `prepare` has run."""
    row = await queries.find_one(database.collection(SEQUENCER), {"_id": LOG}, {"epoch": 1, "floor": 1})
    if row is None:
        raise RuntimeError("the change log is not set up: prepare() comes first")
    return State(row["epoch"], row["floor"])


async def head() -> int:
    """The newest position that readers can see; the floor when the log is empty."""
    row = await queries.find_one(majority(), {}, {"_id": 1}, sort={"_id": -1})
    floor = (await state()).floor  # read last: a log found empty because it was just trimmed has its new floor by now
    return max(cast("int", row["_id"]), floor) if row else floor


async def read(where: Mapping[str, Any], limit: int = PAGE) -> list[Change]:
    """The first rows that match, by position."""
    return [Change.of(row) for row in await queries.find(majority(), where, sort={"_id": 1}, limit=limit)]


async def following(position: int, limit: int = PAGE) -> list[Change]:
    """The changes right after a position. Raises RuntimeError if one is missing.

    A missing one cannot be, unless the log was trimmed above the position; to wait is right then, and to skip is not.
    """
    changes = await read({"_id": {"$gt": position}}, limit)
    for expected, change in enumerate(changes, position + 1):
        if change.position != expected:
            raise RuntimeError(f"position {expected} is missing from the log")
    return changes


async def position_at(moment: datetime) -> int:
    """The last position that was given before a moment; the floor when there is none. Found by halving."""
    low, high = (await state()).floor, await head()
    while low < high:
        middle = (low + high) // 2
        row = await queries.find_one(majority(), {"_id": {"$gt": middle}}, {"at": 1}, sort={"_id": 1})
        if row and row["at"] < moment:
            low = row["_id"]
        else:
            high = middle
    return low

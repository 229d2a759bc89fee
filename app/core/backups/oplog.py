"""The oplog of the replica set: which entries concern a database, and what they did to it.

An entry is one operation, or a transaction's list of them. A transaction above 16 MB takes several entries in a row, of
which all but the last are marked `partialTxn`; it happened when the last was written.
"""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

from bson import Timestamp
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from app.core import database
from app.core.backups.documents import RAW

Entry = RawBSONDocument
Operation = RawBSONDocument


def oplog() -> AsyncCollection[RawBSONDocument]:
    """Only what no failover can take back."""
    local: AsyncDatabase[Any] = database.client().get_database("local", RAW)
    return local.get_collection("oplog.rs", read_concern=ReadConcern("majority"))


async def newest() -> Entry | None:
    """The last entry of all, whatever it concerns."""
    return await oplog().find_one({}, sort=[("$natural", -1)])


async def entries(name: str, after: Timestamp, until: Timestamp) -> AsyncIterator[Entry]:
    """First the entry at `after`, whatever it concerns, if the oplog still has it; then a database's up to `until`."""
    inside = {"$regex": f"^{re.escape(name)}\\."}
    commands = {"ns": "admin.$cmd", "o.applyOps": {"$exists": True}}
    chained = {"$or": [{"o.applyOps.ns": inside}, {"o.partialTxn": True}, {"prevOpTime.ts": {"$gt": Timestamp(0, 0)}}]}
    ours = [{"ts": after}, {"ns": inside, "op": {"$ne": "n"}}, {**commands, **chained}]
    async for entry in oplog().find({"ts": {"$gte": after, "$lte": until}, "$or": ours}):
        yield entry


def wall(entry: Entry) -> datetime:
    """What the server's clock showed."""
    at: datetime = entry["wall"]
    return at.replace(tzinfo=UTC)


def renewal(entry: Entry) -> bool:
    """Whether it does nothing but put off the end of a lease, which means nothing in a copy."""
    if entry["op"] != "u" or "diff" not in entry["o"]:
        return False
    diff = entry["o"]["diff"]
    return list(diff) == ["u"] and list(diff["u"]) == ["until"]


def partial(entry: Entry) -> bool:
    """Whether the transaction goes on in a later entry."""
    return entry["op"] == "c" and bool(entry["o"].get("partialTxn"))


class Transactions:
    """Turns entries into operations, each transaction at its last entry."""

    def __init__(self, name: str) -> None:
        self._prefix = f"{name}."
        self._open: dict[bytes, list[Operation]] = {}

    def operations(self, entry: Entry) -> Iterator[Operation]:
        """What happened to the database at this entry."""
        if entry["op"] != "c" or "applyOps" not in entry["o"]:
            inside = [entry]
        else:
            transaction = _identity(entry)
            inside = [*self._open.pop(transaction, ()), *entry["o"]["applyOps"]]
            if partial(entry):
                self._open[transaction] = inside
                return
        yield from (one for one in inside if one["op"] != "n" and one["ns"].startswith(self._prefix))


def _identity(entry: Entry) -> bytes:
    lsid = entry.get("lsid")
    return bytes(lsid.raw) + str(entry.get("txnNumber")).encode() if lsid is not None else b""

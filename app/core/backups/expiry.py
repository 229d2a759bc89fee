"""Time limits of documents, held back while a database is restored.

A TTL index that worked during a restore would delete documents that entries of the oplog still change, and make counts
differ. So indexes are built without their limits, and get them when everything is in its place.
"""

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from app.core.database import Document

FIELD = "expireAfterSeconds"


class Expiry:
    """Remembers the limits, in seconds, of indexes by collection and name."""

    def __init__(self) -> None:
        self._limits: dict[tuple[str, str], int] = {}

    def hold_back(self, collection: str, index: Mapping[str, Any]) -> dict[str, Any]:
        """The index without its limit."""
        spec = {**index}
        if (limit := spec.pop(FIELD, None)) is not None:
            self._limits[collection, spec["name"]] = int(limit)
        return spec

    def dropped(self, collection: str, index: str | None = None) -> None:
        """An index is gone, or all of a collection."""
        self._limits = {
            key: limit for key, limit in self._limits.items() if key[0] != collection or index not in (None, key[1])
        }

    def renamed(self, source: str, target: str) -> None:
        self.dropped(target)
        self._limits = {
            (target if name == source else name, index): limit for (name, index), limit in self._limits.items()
        }

    async def put_in_force(self, database: AsyncDatabase[Document]) -> None:
        for (collection, index), limit in self._limits.items():
            await database.command("collMod", collection, index={"name": index, FIELD: limit})

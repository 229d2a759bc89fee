"""What a database declares: its collections, their options and indexes."""

from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from app.core.backups.errors import BackupError
from app.core.database import Document


@dataclass(frozen=True, slots=True)
class Declared:
    """One collection. `uuid` tells it from another that had its name before or after."""

    name: str
    uuid: bytes
    options: dict[str, Any]
    indexes: list[dict[str, Any]]


async def declared(database: AsyncDatabase[Document]) -> list[Declared]:
    """Every collection, by name. Raises BackupError for a view or a time series: backups do not know them."""
    found = []
    async for one in await database.list_collections():
        if one["name"].startswith("system."):
            continue
        if one["type"] != "collection":
            raise BackupError(f"{one['name']} is a {one['type']}, which backups do not know: teach them, or remove it.")
        indexes = [dict(index) async for index in await database[one["name"]].list_indexes()]
        indexes = [index for index in indexes if not index.pop("clustered", False) and index["name"] != "_id_"]
        found.append(Declared(one["name"], bytes(one["info"]["uuid"]), dict(one["options"]), indexes))
    return sorted(found, key=lambda one: one.name)

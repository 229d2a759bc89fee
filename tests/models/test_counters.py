"""R25: no update is lost, on any document that counts something."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.database import Document
from app.core.errors import VersionConflict
from app.core.rows import Row
from app.models import DOCUMENTS

AT_ONCE = 50
ROWS: list[type[Row]] = [
    next(kind for kind in document.__mro__ if "collection" in vars(kind)) for document in DOCUMENTS
]
COUNTERS = [(row, name) for row in ROWS for name, hint in row.columns().items() if hint is int]
VERSIONED = [row for row, name in COUNTERS if name == "version"]


async def stored(database: AsyncDatabase[Document], model: type[Row], **fields: Any) -> ObjectId:
    """The id of a document of which nothing is true but this, and what makes it unique."""
    id = ObjectId()
    unique: dict[str, str | ObjectId] = {
        name: str(id) for name in ("email", "slug", "name", "client_message_id", "direct_key", "provider_ref", "key")
    }
    unique |= dict.fromkeys(("user_id", "organization_id"), id)
    await database[model.collection].insert_one({"_id": id, **unique, **fields})
    return id


def test_there_are_such_documents() -> None:
    found = {(model.collection, name) for model, name in COUNTERS}
    assert {("messages", "version"), ("organizations", "place_changes"), ("sessions", "generation")} <= found


@pytest.mark.parametrize(("model", "name"), COUNTERS, ids=lambda value: getattr(value, "collection", value))
async def test_r25_fifty_at_once_add_fifty(documents: AsyncDatabase[Document], model: type[Row], name: str) -> None:
    id = await stored(documents, model, **{name: 1})
    adding = (changes.change_all(model, {"_id": id}, {"$inc": {name: 1}}) for _ in range(AT_ONCE))
    assert await asyncio.gather(*adding) == [1] * AT_ONCE
    row = await documents[model.collection].find_one({"_id": id})
    assert row
    assert row[name] == 1 + AT_ONCE


@pytest.mark.parametrize("model", VERSIONED, ids=lambda model: model.collection)
async def test_r25_of_fifty_who_saw_the_same_version_one_edits(
    documents: AsyncDatabase[Document], model: type[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "plan", lambda: ({"_id": 1, "version": 1}, lambda row: row))
    id = await stored(documents, model, version=1, touched=-1)

    async def edit(number: int) -> int | None:
        try:
            await changes.edit(model, {"_id": id}, {"touched": number}, expected_version=1)
        except VersionConflict:
            return None
        return number

    won = [number for number in await asyncio.gather(*map(edit, range(AT_ONCE))) if number is not None]
    row = await documents[model.collection].find_one({"_id": id})
    assert row
    assert (row["version"], [row["touched"]]) == (2, won)

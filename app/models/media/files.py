from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core import changes, database
from app.core.actor import Actor
from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, Subject
from app.models.base import DoorRow, StoredDocument, Where


class FileState(StrEnum):
    EXPECTED = "expected"
    """Its content has yet to come."""
    STORED = "stored"
    SCANNING = "scanning"
    CLEAN = "clean"
    """It is served from here on."""
    INFECTED = "infected"
    """Its content is gone, as that of one that was refused."""
    REFUSED = "refused"
    REMOVED = "removed"
    """The message that carried it was deleted."""


class File(DoorRow):
    """What somebody has uploaded, or is to. Its content is in the storage, under `place`; only its owner sees the row.

    `size` in bytes: as announced, then as it is. `media_type` is what the content shows, whatever anybody says.
    """

    collection = "files"
    personal = True
    data_subjects = (Subject("owner_id", whole=True),)
    policies = {
        "name media_type size": ERASE,
        "owner_id": PSEUDONYM,
        "message_id state finding created_at changed_at": NEUTRAL,
    }

    owner_id: ObjectId
    name: str
    media_type: str | None = None
    size: int
    state: FileState = FileState.EXPECTED
    finding: str | None = None
    """What was found in one that is infected, or why it was refused."""
    message_id: ObjectId | None = None
    """The message that carries it; what none does goes after a day."""
    created_at: datetime
    changed_at: datetime

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        asked = super().within(actor, where, **equal)
        return asked if actor.system else {**asked, "owner_id": actor.user_id}

    @classmethod
    async def bytes_of(cls, actor: Actor, states: Iterable[FileState]) -> int:
        """How many bytes those of the actor's files have together that are in one of these states."""
        where = cls.within(actor, state={"$in": [one.value for one in states]})
        pipeline = [{"$match": where}, {"$group": {"_id": None, "bytes": {"$sum": "$size"}}}]
        stored = database.collection(cls.collection)
        found = await (await stored.aggregate(pipeline, session=changes.session())).to_list()
        return int(found[0]["bytes"]) if found else 0

    @property
    def place(self) -> str:
        """Its name in the storage."""
        return f"kept/{self.organization_id}/{self.owner_id}/{self.id}"

    @property
    def landing(self) -> str:
        """Where a client puts it that writes to the storage itself; nothing is served or scanned from there."""
        return f"landing/{self.organization_id}/{self.owner_id}/{self.id}"


class FileDocument(StoredDocument, File):
    class Settings:
        name = File.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("owner_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("message_id", ASCENDING), ("changed_at", ASCENDING)]),
            IndexModel([("owner_id", ASCENDING)]),
        ]

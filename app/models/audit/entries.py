import hashlib
from datetime import datetime
from typing import Any

import orjson
from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.actor import Actor
from app.core.clock import FIRST_ID
from app.core.keyring import Sealed
from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.models.base import StoredDocument, StoredRow, Where

PLATFORM_CHAIN = FIRST_ID
"""The chain of what happened in no organization; an organization's has its id."""


class ChainRow(StoredRow):
    """A part of one chain: an organization sees its own, staff in none the platform's, the platform in none all."""

    personal = False
    chain_id: ObjectId

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        asked = {**equal, **(where or {})}
        if actor.organization_id is None and actor.system:
            return asked
        chain = PLATFORM_CHAIN if actor.organization_id is None and actor.staff else actor.organization_id
        return {**asked, "chain_id": chain}


class AuditEntry(ChainRow):
    """What one event of the change log told, for ever; its id is the event's.

    Entries of a chain are numbered without a gap from 1. `place` (address and agent) and `image` (before and after) are
    sealed as the log has them, and so is what the chain proves of them: without its data key an entry is still whole.
    """

    collection = "audit_entries"
    data_subjects = (Subject("actor_id"),)
    policies = {
        "place image": keep("the chain is over their ciphertext, which nobody can open once the data key is gone"),
        "actor actor_id behind_id target_ids data": PSEUDONYM,
        "chain_id number action door request_id at hash": NEUTRAL,
    }

    number: int
    action: str
    """A noun and what happened to it: `membership.changed`."""
    actor: str
    """`u:<id>`, `k:<id>`, `system` or `anonymous`."""
    actor_id: ObjectId | None = None
    behind_id: ObjectId | None = None
    """Who on the staff acted as the actor."""
    target_ids: list[ObjectId] = []
    data: dict[str, Any]
    """What the event holds: ids by what they name, and plain facts."""
    door: str | None = None
    request_id: str | None = None
    place: Sealed | None = None
    image: Sealed | None = None
    at: datetime
    hash: bytes
    """What the chain comes to with this entry."""

    @property
    def content(self) -> bytes:
        """Everything but the hash, as canonical JSON: sorted, without spaces, ids and bytes in hexadecimal digits."""
        row = self.encode()
        del row["hash"]
        if self.behind_id is None:
            del row["behind_id"]  # entries from before there was one hash as they did
        return canonical(row)

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.content).digest()


class AuditEntryDocument(StoredDocument, AuditEntry):
    class Settings:
        name = AuditEntry.collection
        indexes = [
            IndexModel([("chain_id", ASCENDING), ("number", DESCENDING)], unique=True),
            IndexModel([("chain_id", ASCENDING), ("action", ASCENDING), ("number", DESCENDING)]),
            IndexModel([("chain_id", ASCENDING), ("actor_id", ASCENDING), ("number", DESCENDING)]),
            IndexModel([("chain_id", ASCENDING), ("target_ids", ASCENDING), ("number", DESCENDING)]),
        ]


def canonical(row: Where) -> bytes:
    """The one text of a row: what is hashed and signed."""
    return orjson.dumps(row, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else str(value)

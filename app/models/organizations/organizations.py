from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.actor import Actor
from app.core.rows import Value
from app.models.base import StoredDocument, StoredRow, Where


class OrganizationState(StrEnum):
    ACTIVE = "active"
    CLOSED = "closed"
    """On its way to deletion: nobody acts in it any more."""
    DELETED = "deleted"
    """A tombstone: its id stays, so that nothing else gets it."""


@dataclass(slots=True)
class Deletion(Value):
    """That an organization is to be deleted, why, and by which saga."""

    requested_at: datetime
    due_at: datetime
    by_id: ObjectId
    reason: str
    saga_id: ObjectId


class Organization(StoredRow):
    """A tenant."""

    collection = "organizations"

    name: str
    slug: str
    state: OrganizationState = OrganizationState.ACTIVE
    deletion: Deletion | None = None
    created_at: datetime
    changed_at: datetime | None = None
    version: int = 1
    place_changes: int = 0
    """Rises when an owner goes and when somebody joins, so that what must see these at once conflicts with them."""

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        asked = {**equal, **(where or {})}
        if actor.system and actor.organization_id is None:
            return asked
        return {"$and": [asked, {"_id": actor.organization_id}]}


class OrganizationDocument(StoredDocument, Organization):
    class Settings:
        name = Organization.collection
        indexes = [IndexModel([("slug", ASCENDING)], unique=True)]

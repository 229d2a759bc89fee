from datetime import datetime
from typing import Any

from pymongo import ASCENDING, IndexModel

from app.core.actor import Actor
from app.models.base import StoredDocument, StoredRow, Where


class Organization(StoredRow):
    """A tenant."""

    collection = "organizations"

    name: str
    slug: str
    created_at: datetime
    version: int = 1
    owner_changes: int = 0
    """Rises when an owner goes, so that two who go at once conflict."""

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

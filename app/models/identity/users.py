from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.actor import Actor
from app.models.base import StoredDocument, StoredRow, Where


class User(StoredRow):
    """A person. Members of the organizations in `organization_ids`, past ones too, can see who they are."""

    collection = "users"

    email: str
    name: str
    organization_ids: list[ObjectId] = []
    last_organization_id: ObjectId | None = None
    shows_presence: bool = True
    last_seen_at: datetime | None = None
    staff: bool = False
    """Runs the platform; granted by the command line only."""
    created_at: datetime
    version: int = 1

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """The people of one's organization; in none, oneself; the platform, in none, anybody (to sign them in)."""
        asked = {**equal, **(where or {})}
        if actor.organization_id:
            return {**asked, "organization_ids": actor.organization_id}
        return asked if actor.system else {"$and": [asked, {"_id": actor.user_id}]}


class UserDocument(StoredDocument, User):
    class Settings:
        name = User.collection
        indexes = [
            IndexModel([("email", ASCENDING)], unique=True),
            IndexModel([("organization_ids", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("staff", ASCENDING)], partialFilterExpression={"staff": True}),
        ]

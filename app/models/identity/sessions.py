from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.actor import Actor
from app.models.base import StoredDocument, StoredRow, Where

KEPT_SECONDS = 90 * 24 * 3600


class Session(StoredRow):
    """One sign-in on one device: the family of all refresh tokens that follow from it.

    A refresh token is good for one `generation`; the next use raises it. An older token of the family is a replay.
    """

    collection = "sessions"

    user_id: ObjectId
    organization_id: ObjectId | None = None
    generation: int = 1
    agent: str = ""
    address: str = ""
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        asked = {**equal, **(where or {})}
        return asked if actor.system else {**asked, "user_id": actor.user_id}


class SessionDocument(StoredDocument, Session):
    class Settings:
        name = Session.collection
        indexes = [
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=KEPT_SECONDS),
        ]

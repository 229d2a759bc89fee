from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.actor import Actor
from app.core.clock import FIRST_ID
from app.models.base import StoredDocument, TenantRow, Where


class NotificationKind(StrEnum):
    MENTION = "mention"
    REPLY = "reply"
    INVITATION = "invitation"


class Notification(TenantRow):
    """Something that asks for a person's attention. It lives in the organization in which its reader is told.

    `text` says it in a line; for a message it is how the message begins.
    """

    collection = "notifications"

    user_id: ObjectId
    kind: NotificationKind
    actor_id: ObjectId | None = None
    conversation_id: ObjectId | None = None
    message_id: ObjectId | None = None
    invitation_id: ObjectId | None = None
    text: str
    created_at: datetime
    read_at: datetime | None = None
    archived_at: datetime | None = None

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """One's own; the platform's are all of the organization."""
        asked = super().within(actor, where, **equal)
        return asked if actor.system else {**asked, "user_id": actor.user_id}


class NotificationDocument(StoredDocument, Notification):
    class Settings:
        name = Notification.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING), ("_id", DESCENDING)]),
            IndexModel([("message_id", ASCENDING)], partialFilterExpression={"message_id": {"$gt": FIRST_ID}}),
        ]

from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.models.base import StoredDocument, TenantRow


class NotificationKind(StrEnum):
    MENTION = "mention"
    REPLY = "reply"
    INVITATION = "invitation"


class Notification(TenantRow):
    """Something that asks for a person's attention. It lives in the organization in which its reader is told."""

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


class NotificationDocument(StoredDocument, Notification):
    class Settings:
        name = Notification.collection
        indexes = [IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING), ("_id", DESCENDING)])]

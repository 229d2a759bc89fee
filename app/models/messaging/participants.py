from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.models.base import StoredDocument, TenantRow


class ParticipantRole(StrEnum):
    OWNER = "owner"
    MEMBER = "member"


class Participant(TenantRow):
    """A member's side of a conversation: how far they have read (a high-water mark), whether it may disturb them.

    `noted_id` is the newest message that an e-mail has told them of while they were away.
    """

    collection = "participants"

    conversation_id: ObjectId
    user_id: ObjectId
    role: ParticipantRole = ParticipantRole.MEMBER
    read_id: ObjectId | None = None
    noted_id: ObjectId | None = None
    muted: bool = False
    joined_at: datetime


class ParticipantDocument(StoredDocument, Participant):
    class Settings:
        name = Participant.collection
        indexes = [
            IndexModel([("conversation_id", ASCENDING), ("user_id", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING)]),
        ]

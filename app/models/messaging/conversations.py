from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, keep
from app.models.base import StoredDocument, TenantRow

MAX_MEMBERS = 500


class ConversationKind(StrEnum):
    DIRECT = "direct"
    GROUP = "group"


class Conversation(TenantRow):
    """People who write to each other.

    `direct_key` makes the conversation of two people one; `active_at` orders lists.
    """

    collection = "conversations"
    policies = {
        "title": keep("it is the group's, whoever has named it"),
        "member_ids archived_by_ids direct_key created_by_id": PSEUDONYM,
        "kind created_at last_message_id active_at version": NEUTRAL,
    }

    kind: ConversationKind
    title: str | None = None
    member_ids: list[ObjectId]
    archived_by_ids: list[ObjectId] = []
    direct_key: str | None = None
    created_by_id: ObjectId
    created_at: datetime
    last_message_id: ObjectId | None = None
    active_at: datetime
    version: int = 1


class ConversationDocument(StoredDocument, Conversation):
    class Settings:
        name = Conversation.collection
        indexes = [
            IndexModel(
                [
                    ("organization_id", ASCENDING),
                    ("member_ids", ASCENDING),
                    ("active_at", DESCENDING),
                    ("_id", DESCENDING),
                ]
            ),
            IndexModel(
                [("organization_id", ASCENDING), ("direct_key", ASCENDING)],
                unique=True,
                partialFilterExpression={"direct_key": {"$gt": ""}},
                name="one_direct_conversation_per_pair",
            ),
        ]

from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, TEXT, IndexModel

from app.core.clock import FIRST_ID, now
from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, Subject
from app.core.rows import Value
from app.models.base import StoredDocument, TenantRow


@dataclass(slots=True)
class Reaction(Value):
    emoji: str
    user_id: ObjectId


@dataclass(slots=True)
class Attachment(Value):
    """A file of ours, or one elsewhere that the message points to; `size` in bytes, then as its sender states it."""

    url: str
    """Empty for one of ours."""
    name: str
    media_type: str
    size: int
    file_id: ObjectId | None = None


class Message(TenantRow):
    """What somebody said. A deleted message stays as a tombstone without its content, so that nothing shifts."""

    collection = "messages"
    data_subjects = (
        Subject(
            "sender_id",
            along="conversation_id",
            becomes={"text": "", "attachments": [], "deleted_at": lambda _: now()},
        ),
    )
    policies = {
        "text attachments": ERASE,
        "sender_id mention_ids reactions": PSEUDONYM,
        "conversation_id client_message_id reply_to_id thread_id sent_at edited_at deleted_at version": NEUTRAL,
    }

    conversation_id: ObjectId
    sender_id: ObjectId
    client_message_id: str
    text: str
    reply_to_id: ObjectId | None = None
    thread_id: ObjectId | None = None
    mention_ids: list[ObjectId] = []
    attachments: list[Attachment] = []
    reactions: list[Reaction] = []
    sent_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    version: int = 1


class MessageDocument(StoredDocument, Message):
    class Settings:
        name = Message.collection
        indexes = [
            IndexModel([("conversation_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel(
                [("conversation_id", ASCENDING), ("sender_id", ASCENDING), ("client_message_id", ASCENDING)],
                unique=True,
                name="one_message_per_client_id",
            ),
            IndexModel(
                [("thread_id", ASCENDING), ("_id", ASCENDING)],
                partialFilterExpression={"thread_id": {"$gt": FIRST_ID}},
            ),
            IndexModel([("organization_id", ASCENDING), ("text", TEXT)], default_language="none", name="words"),
        ]

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.actor import Actor
from app.core.changes import session
from app.core.clock import FIRST_ID
from app.core.database import collection
from app.core.privacy import NEUTRAL, PSEUDONYM, Subject
from app.models.base import StoredDocument, TenantRow
from app.models.messaging.messages import Message


class ParticipantRole(StrEnum):
    OWNER = "owner"
    MEMBER = "member"


class Participant(TenantRow):
    """A member's side of a conversation: how far they have read (a high-water mark), whether it may disturb them.

    `noted_id` is the newest message that an e-mail has told them of while they were away.
    """

    collection = "participants"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {"user_id": PSEUDONYM, "conversation_id role read_id noted_id muted joined_at": NEUTRAL}

    conversation_id: ObjectId
    user_id: ObjectId
    role: ParticipantRole = ParticipantRole.MEMBER
    read_id: ObjectId | None = None
    noted_id: ObjectId | None = None
    muted: bool = False
    joined_at: datetime

    @classmethod
    async def unread(cls, actor: Actor, conversation_ids: Sequence[ObjectId], *, cap: int) -> dict[ObjectId, int]:
        """How many messages of others came beyond the actor's mark in each conversation, counted up to `cap`.

        One command for all of them: a count for each costs the client five times as much.
        """
        new = {
            "$expr": {
                "$and": [
                    {"$eq": ["$conversation_id", "$$conversation"]},
                    {"$gt": ["$_id", "$$read"]},
                    {"$gte": ["$sent_at", "$$joined"]},  # what was said before is not news
                ]
            },
            **Message.within(actor, sender_id={"$ne": actor.user_id}, deleted_at=None),
        }
        beyond = {
            "from": Message.collection,
            "let": {
                "conversation": "$conversation_id",
                "read": {"$ifNull": ["$read_id", FIRST_ID]},
                "joined": "$joined_at",
            },
            "pipeline": [{"$match": new}, {"$limit": cap}, {"$count": "n"}],
            "as": "unread",
        }
        mine = cls.within(actor, conversation_id={"$in": conversation_ids}, user_id=actor.user_id)
        count = {"conversation_id": 1, "n": {"$ifNull": [{"$first": "$unread.n"}, 0]}}
        found = await collection(cls.collection).aggregate(
            [{"$match": mine}, {"$lookup": beyond}, {"$project": count}], session=session()
        )
        return {row["conversation_id"]: row["n"] async for row in found}


class ParticipantDocument(StoredDocument, Participant):
    class Settings:
        name = Participant.collection
        indexes = [
            IndexModel([("conversation_id", ASCENDING), ("user_id", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING)]),
        ]

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core import changes
from app.core.actor import Actor
from app.core.database import collection
from app.core.privacy import NEUTRAL, PSEUDONYM, Subject
from app.models.base import StoredDocument, TenantRow


class TieKind(StrEnum):
    FOLLOWED = "followed"
    BLOCKED = "blocked"


class Tie(TenantRow):
    """What `user_id` is to `other_id` in an organization: followed by them, or has blocked them.

    Of two people it exists once in each direction, so nobody follows who has blocked them, whatever happens at once.
    """

    collection = "ties"
    data_subjects = (Subject("user_id", whole=True), Subject("other_id", whole=True))
    policies = {"user_id other_id": PSEUDONYM, "kind created_at": NEUTRAL}
    personal = True

    user_id: ObjectId
    other_id: ObjectId
    kind: TieKind
    created_at: datetime

    @classmethod
    async def followed(cls, actor: Actor, side: str, ids: Iterable[ObjectId]) -> Mapping[ObjectId, int]:
        """In how many ties of following each of these people is on this side."""
        where = cls.within(actor, {side: {"$in": list(ids)}, "kind": TieKind.FOLLOWED.value})
        pipeline = [{"$match": where}, {"$group": {"_id": f"${side}", "n": {"$sum": 1}}}]
        found = await collection(cls.collection).aggregate(pipeline, session=changes.session())
        return {row["_id"]: row["n"] async for row in found}


class TieDocument(StoredDocument, Tie):
    class Settings:
        name = Tie.collection
        indexes = [
            IndexModel(
                [("organization_id", ASCENDING), ("user_id", ASCENDING), ("other_id", ASCENDING)],
                unique=True,
                name="one_each_way",
            ),
            IndexModel(
                [
                    ("organization_id", ASCENDING),
                    ("user_id", ASCENDING),
                    ("kind", ASCENDING),
                    ("_id", ASCENDING),
                ]
            ),
            IndexModel(
                [
                    ("organization_id", ASCENDING),
                    ("other_id", ASCENDING),
                    ("kind", ASCENDING),
                    ("_id", ASCENDING),
                ]
            ),
        ]

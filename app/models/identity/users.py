from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core import keyring
from app.core.actor import Actor
from app.core.privacy import ERASE, NEUTRAL, Subject, keep
from app.core.rows import Value
from app.models.base import StoredDocument, StoredRow, Where
from app.models.identity.staff import StaffRole


@dataclass(slots=True)
class Erasure(Value):
    """That a person is to be erased, when, and by which saga."""

    requested_at: datetime
    due_at: datetime
    saga_id: ObjectId


class User(StoredRow):
    """A person. Members of the organizations in `organization_ids`, past ones too, can see who they are."""

    collection = "users"
    data_subjects = (
        Subject(
            "_id",
            becomes={
                "email": lambda id: f"{id}@erased.invalid",
                "name": "Erased person",
                "handle": None,
                "bio": "",
                "locale": "en",
                "time_zone": "UTC",
                "currency": "EUR",
                "last_organization_id": None,
                "shows_presence": False,
                "last_seen_at": None,
                "staff": False,
            },
        ),
    )
    policies = {
        "email name handle bio locale time_zone currency last_organization_id shows_presence last_seen_at staff": ERASE,
        "organization_ids": keep("what they wrote and did there still names somebody, if nobody in particular"),
        "created_at version erasure erased_at way_changes email_verified_at staff_role second_factor": NEUTRAL,
    }
    personal = False
    audited = frozenset({"email", "name", "shows_presence", "staff", "staff_role", "second_factor"})

    email: str
    email_verified_at: datetime | None = None
    """When the person proved that the address is theirs; None while they have not."""
    second_factor: bool = False
    """Whether the person has one: then a password alone lets nobody in."""
    name: str
    handle: str | None = None
    """By which others find and name them; unique."""
    bio: str = ""
    locale: str = "en"
    time_zone: str = "UTC"
    currency: str = "EUR"
    organization_ids: list[ObjectId] = []
    last_organization_id: ObjectId | None = None
    shows_presence: bool = True
    last_seen_at: datetime | None = None
    erasure: Erasure | None = None
    erased_at: datetime | None = None
    """When all that was known of them went; the row is left so that what others have still names somebody."""
    staff: bool = False
    """Runs the platform; granted by the command line only."""
    staff_role: StaffRole = StaffRole.ADMIN
    """What for, if they do; those who were there before there were roles do everything."""
    created_at: datetime
    version: int = 1
    way_changes: int = 0
    """How often ways to sign in were taken away: it makes two of that at once conflict, so that one stays."""

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """The people of one's organization; in none, oneself; the platform, in none, anybody (to sign them in)."""
        asked = {**equal, **(where or {})}
        if actor.organization_id:
            return {**asked, "organization_ids": actor.organization_id}
        return asked if actor.system else {"$and": [asked, {"_id": actor.user_id}]}

    @classmethod
    def data_owner(cls, stored: Where) -> str:
        return keyring.person(stored["_id"])


class UserDocument(StoredDocument, User):
    class Settings:
        name = User.collection
        indexes = [
            IndexModel([("email", ASCENDING)], unique=True),
            IndexModel([("handle", ASCENDING)], unique=True, partialFilterExpression={"handle": {"$gt": ""}}),
            IndexModel([("organization_ids", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("staff", ASCENDING)], partialFilterExpression={"staff": True}),
        ]

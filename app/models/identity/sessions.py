from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core import keyring
from app.core.actor import UNPROVEN, Proof
from app.core.keyring import Sealed
from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, Subject
from app.models.base import PersonalRow, StoredDocument, Where

KEPT_SECONDS = 90 * 24 * 3600


class Session(PersonalRow):
    """One sign-in on one device: the family of all refresh tokens that follow from it.

    A refresh token is good for one `generation`; the next use raises it. An older token of the family is a replay.
    One in which somebody on the staff acts as the person has an access token only.
    """

    collection = "sessions"
    data_subjects = (Subject("user_id", whole=True),)
    owner_columns = ("user_id",)
    policies = {
        "agent address created_at used_at expires_at ended_at organization_id reason": ERASE,
        "user_id behind_id behind_session_id": PSEUDONYM,
        "generation proof": NEUTRAL,
    }
    audited = frozenset({"reason"})

    user_id: ObjectId
    organization_id: ObjectId | None = None
    generation: int = 1
    proof: Proof = UNPROVEN
    agent: Sealed | None = None
    address: Sealed | None = None
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    behind_id: ObjectId | None = None
    """Who on the staff acts as the person; None in people's own."""
    behind_session_id: ObjectId | None = None
    """In which session of theirs they began: they end together."""
    reason: str | None = None
    """Why they do."""

    @classmethod
    def data_owner(cls, stored: Where) -> str:
        return keyring.person(stored["user_id"])


class SessionDocument(StoredDocument, Session):
    class Settings:
        name = Session.collection
        indexes = [
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=KEPT_SECONDS),
        ]

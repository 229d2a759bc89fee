from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, Subject
from app.models.base import DoorRow, StoredDocument


class AffiliationState(StrEnum):
    REQUESTED = "requested"
    ACTIVE = "active"
    REJECTED = "rejected"
    SUSPENDED = "suspended"
    ENDED = "ended"


class Affiliation(DoorRow):
    """That somebody sells for an organization, or would like to. They need no place in it."""

    collection = "affiliations"
    audited = frozenset({"state"})
    data_subjects = (Subject("user_id", whole=True),)
    policies = {
        "pitch": ERASE,
        "user_id": PSEUDONYM,
        "state created_at changed_at": NEUTRAL,
    }

    user_id: ObjectId
    state: AffiliationState = AffiliationState.REQUESTED
    pitch: str = ""
    created_at: datetime
    changed_at: datetime


class AffiliationDocument(StoredDocument, Affiliation):
    class Settings:
        name = Affiliation.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
        ]

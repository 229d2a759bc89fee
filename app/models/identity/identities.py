from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import ERASE, PSEUDONYM, Subject
from app.models.base import PersonalRow, StoredDocument


class IdentityProvider(StrEnum):
    """Who can say who somebody is."""

    GOOGLE = "google"
    FACEBOOK = "facebook"
    LINKEDIN = "linkedin"
    FIREBASE = "firebase"


class Identity(PersonalRow):
    """Who a person is to somebody else, who can sign them in."""

    collection = "identities"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {"provider subject email created_at used_at": ERASE, "user_id": PSEUDONYM}

    user_id: ObjectId
    provider: IdentityProvider
    subject: str
    """The provider's name for them, which never changes."""
    email: str | None
    """The address that they had there when it was linked."""
    created_at: datetime
    used_at: datetime | None = None


class IdentityDocument(StoredDocument, Identity):
    class Settings:
        name = Identity.collection
        indexes = [
            IndexModel([("provider", ASCENDING), ("subject", ASCENDING)], unique=True),
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
        ]

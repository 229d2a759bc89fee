from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import ERASE, PSEUDONYM, SECRET, Subject
from app.models.base import PersonalRow, StoredDocument


class Passkey(PersonalRow):
    """A key pair of a person's device, whose private half never leaves it (WebAuthn)."""

    collection = "passkeys"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {
        "name created_at used_at": ERASE,
        "credential_id public_key sign_count synchronized": SECRET,
        "user_id": PSEUDONYM,
    }

    user_id: ObjectId
    name: str
    credential_id: bytes
    """How the device names it."""
    public_key: bytes
    sign_count: int
    """How often the device says it has signed; always 0 for those that are synchronized between devices."""
    synchronized: bool
    """Whether the person has it on other devices as well, as the device says."""
    created_at: datetime
    used_at: datetime | None = None


class PasskeyDocument(StoredDocument, Passkey):
    class Settings:
        name = Passkey.collection
        indexes = [
            IndexModel([("credential_id", ASCENDING)], unique=True),
            IndexModel([("user_id", ASCENDING), ("_id", ASCENDING)]),
        ]

from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, keep
from app.models.base import DoorRow, StoredDocument


class KeyUse(StrEnum):
    BEARER = "bearer"
    CLIENT_CREDENTIALS = "client_credentials"
    SIGNATURE = "signature"


class KeyState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    """While its organization is closed."""
    REVOKED = "revoked"


class ApiKey(DoorRow):
    """What lets a program act in an organization, in nobody's name. Its secret is shown once."""

    collection = "api_keys"
    policies = {
        "name use scopes state hint overlap_until created_at changed_at used_at expires_at": NEUTRAL,
        "hashes sealed": keep("it is the organization's, and works on when who made it has gone"),
        "made_by_id": PSEUDONYM,
    }
    audited = frozenset({"name", "scopes", "state"})

    name: str
    use: KeyUse
    scopes: list[str]
    """Permissions, sorted."""
    state: KeyState = KeyState.ACTIVE
    hint: str
    """How the newest secret begins."""
    hashes: list[bytes]
    """Fingerprints of the newest secret and, after a rotation, of the one before, good until `overlap_until`."""
    sealed: list[bytes]
    """These secrets themselves, sealed, of a key that signs: the server has to sign as well. Else none."""
    overlap_until: datetime | None = None
    made_by_id: ObjectId
    created_at: datetime
    changed_at: datetime
    used_at: datetime | None = None
    """To the minute."""
    expires_at: datetime | None = None


class ApiKeyDocument(StoredDocument, ApiKey):
    class Settings:
        name = ApiKey.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("hashes", ASCENDING)], unique=True),
        ]

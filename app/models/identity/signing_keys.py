from datetime import datetime

from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL
from app.models.base import PlatformRow, StoredDocument


class SigningKey(PlatformRow):
    """A private key that signs access tokens from `signs_at` on, until another does; its id is the `kid` of them.

    What it has signed is believed until `ends_at`; a key that no other has followed yet has no end.
    """

    collection = "signing_keys"
    policies = {"sealed created_at signs_at ends_at": NEUTRAL}

    sealed: bytes
    """The private key, 32 bytes, sealed: a copy of the database signs nothing, and what is put into it is not one."""
    created_at: datetime
    signs_at: datetime
    ends_at: datetime | None = None


class SigningKeyDocument(StoredDocument, SigningKey):
    class Settings:
        name = SigningKey.collection
        indexes = [IndexModel([("ends_at", ASCENDING)], expireAfterSeconds=24 * 3600)]

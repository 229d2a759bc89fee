from datetime import datetime

from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL
from app.models.base import PlatformRow, StoredDocument


class TrustedOperation(PlatformRow):
    """A document that was registered before its clients were released, and that they name instead of sending it."""

    collection = "trusted_operations"
    policies = {"key sha256 text name kind releases pushed_at": NEUTRAL}

    key: str
    """The id by which clients name it. What it names never changes."""
    sha256: str
    """Of the text in UTF-8, in hexadecimal digits: its other name."""
    text: str
    name: str
    """Of the operation in it; empty when it has none."""
    kind: str
    """query, mutation or subscription"""
    releases: list[str] = []
    """Of clients that were said to use it."""
    pushed_at: datetime
    """When it was registered, or registered again, last."""


class TrustedOperationDocument(StoredDocument, TrustedOperation):
    class Settings:
        name = TrustedOperation.collection
        indexes = [
            IndexModel([("key", ASCENDING)], unique=True),
            IndexModel([("sha256", ASCENDING)]),
        ]

from datetime import datetime
from enum import StrEnum

from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core import seals
from app.core.privacy import NEUTRAL, keep
from app.models.base import StoredDocument, TenantRow


class SuppressionReason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"
    """Wants nothing of what goes to many; all else arrives."""
    BOUNCED = "bounced"
    """There is no such address, or it takes nothing."""
    COMPLAINED = "complained"
    """Takes what comes for spam."""
    ASKED = "asked"
    """Somebody in the organization has put it there."""


class Suppression(TenantRow):
    """That an organization, or the platform, writes to an address no more but for what its owner waits for."""

    collection = "suppressions"
    policies = {
        "fingerprint": keep("who wants no e-mails must get none; nobody can read the address in it"),
        "reason created_at": NEUTRAL,
    }

    fingerprint: bytes
    """Of the address."""
    reason: SuppressionReason
    created_at: datetime


class SuppressionDocument(StoredDocument, Suppression):
    class Settings:
        name = Suppression.collection
        indexes = [
            IndexModel(
                [("organization_id", ASCENDING), ("fingerprint", ASCENDING), ("reason", ASCENDING)], unique=True
            ),
            IndexModel([("organization_id", ASCENDING), ("_id", DESCENDING)]),
        ]


def fingerprint(address: str) -> bytes:
    """What is kept of an address: equal for equal ones, whatever case they are written in."""
    return seals.fingerprint("suppressions", address.strip().lower().encode())

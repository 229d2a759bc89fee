from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, Subject
from app.models.base import DoorRow, StoredDocument
from app.models.organizations.permissions import Role


class InvitationState(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Invitation(DoorRow):
    """A place offered to an e-mail address. Its token goes out in the e-mail and is kept nowhere."""

    collection = "invitations"
    data_subjects = (Subject("email", whole=True),)
    policies = {
        "email": ERASE,
        "invited_by_id": PSEUDONYM,
        "role custom_role_id state created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"role", "custom_role_id", "state"})

    email: str
    role: Role
    custom_role_id: ObjectId | None = None
    """What it allows is seen when the place is taken."""
    state: InvitationState = InvitationState.PENDING
    invited_by_id: ObjectId
    created_at: datetime
    changed_at: datetime


class InvitationDocument(StoredDocument, Invitation):
    class Settings:
        name = Invitation.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel(
                [("organization_id", ASCENDING), ("email", ASCENDING)],
                unique=True,
                partialFilterExpression={"state": InvitationState.PENDING.value},
                name="one_pending_per_address",
            ),
            IndexModel([("state", ASCENDING), ("created_at", ASCENDING)]),
            IndexModel([("email", ASCENDING)]),
        ]

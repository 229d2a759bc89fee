from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

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

    email: str
    role: Role
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
        ]

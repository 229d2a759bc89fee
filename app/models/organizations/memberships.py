from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.models.base import DoorRow, StoredDocument
from app.models.organizations.permissions import Role


class MembershipState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


class Membership(DoorRow):
    """A person's place in an organization. `closed` ones were active when the organization closed."""

    collection = "memberships"

    user_id: ObjectId
    role: Role
    state: MembershipState = MembershipState.ACTIVE
    closed: bool = False
    created_at: datetime
    changed_at: datetime


class MembershipDocument(StoredDocument, Membership):
    class Settings:
        name = Membership.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING)], unique=True),
            IndexModel([("user_id", ASCENDING), ("organization_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]

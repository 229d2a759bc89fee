from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject
from app.models.base import DoorRow, StoredDocument
from app.models.organizations.permissions import GRANTS, Role


class MembershipState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


class Membership(DoorRow):
    """A person's place in an organization. `closed` ones were active when the organization closed.

    `granted` is what its custom role allows.
    """

    collection = "memberships"
    audited = frozenset({"role", "custom_role_id", "granted", "state"})
    data_subjects = (Subject("user_id"),)
    policies = {
        "user_id": PSEUDONYM,
        "role custom_role_id granted state closed created_at changed_at": NEUTRAL,
    }

    user_id: ObjectId
    role: Role
    custom_role_id: ObjectId | None = None
    granted: list[str] = []
    state: MembershipState = MembershipState.ACTIVE
    closed: bool = False
    created_at: datetime
    changed_at: datetime


def permissions_of(membership: Membership) -> frozenset[str]:
    """What a member may do."""
    return GRANTS[membership.role] | frozenset(membership.granted)


class MembershipDocument(StoredDocument, Membership):
    class Settings:
        name = Membership.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING)], unique=True),
            IndexModel([("user_id", ASCENDING), ("organization_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel(
                [("organization_id", ASCENDING), ("custom_role_id", ASCENDING)],
                partialFilterExpression={"role": Role.CUSTOM.value},
            ),
        ]

from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.actor import Actor
from app.models.base import StoredDocument, TenantRow, Where
from app.models.organizations.permissions import Role


class MembershipState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


class Membership(TenantRow):
    """A person's place in an organization."""

    collection = "memberships"

    user_id: ObjectId
    role: Role
    state: MembershipState = MembershipState.ACTIVE
    created_at: datetime
    changed_at: datetime

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """The organization's; the platform, in no organization, finds anybody's (to sign them in)."""
        asked = {**equal, **(where or {})}
        if actor.system and actor.organization_id is None:
            return asked
        return super().within(actor, asked)


class MembershipDocument(StoredDocument, Membership):
    class Settings:
        name = Membership.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("user_id", ASCENDING)], unique=True),
            IndexModel([("user_id", ASCENDING), ("organization_id", ASCENDING)]),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core import keyring
from app.core.actor import Actor
from app.core.privacy import NEUTRAL, keep
from app.core.rows import Value
from app.models.base import StoredDocument, StoredRow, Where


class Tier(StrEnum):
    """What an organization has subscribed to."""

    FREE = "free"
    STANDARD = "standard"
    SCALE = "scale"


class OrganizationState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    """By the platform: everything can be read and nothing changed."""
    CLOSED = "closed"
    """On its way to deletion: nobody acts in it any more."""
    DELETED = "deleted"
    """A tombstone: its id stays, so that nothing else gets it."""


class Feature(StrEnum):
    """What an organization can switch off for its members."""

    DIRECT_MESSAGES = "direct_messages"
    FOLLOWING = "following"


@dataclass(slots=True)
class Deletion(Value):
    """That an organization is to be deleted, why, and by which saga."""

    requested_at: datetime
    due_at: datetime
    by_id: ObjectId
    reason: str
    saga_id: ObjectId


@dataclass(slots=True)
class Suspension(Value):
    """That the platform has suspended an organization, and why."""

    suspended_at: datetime
    by_id: ObjectId
    reason: str


class Organization(StoredRow):
    """A tenant.

    `tax_rate` is in basis points; colours are #rrggbb; `sender_name` is what its e-mails are from.
    """

    collection = "organizations"
    policies = {
        "name slug locale currency time_zone tax_rate brand_color brand_text_color sender_name disabled_features": keep(
            "it is the organization's, whoever has made it"
        ),
        "allowed_networks denied_networks": NEUTRAL,
        "suspension": keep("who owns it must know why it was suspended"),
        "deletion": keep("who owns it must know who deletes it and why, until it is gone"),
        "state tier created_at changed_at version place_changes": NEUTRAL,
    }
    audited = frozenset({"tier", "name", "slug", "state"})

    name: str
    slug: str
    locale: str = "en"
    currency: str = "EUR"
    time_zone: str = "UTC"
    tax_rate: int = 0
    brand_color: str | None = None
    brand_text_color: str | None = None
    sender_name: str | None = None
    disabled_features: list[Feature] = []
    allowed_networks: list[str] = []
    denied_networks: list[str] = []
    state: OrganizationState = OrganizationState.ACTIVE
    tier: Tier = Tier.STANDARD
    deletion: Deletion | None = None
    suspension: Suspension | None = None
    created_at: datetime
    changed_at: datetime | None = None
    version: int = 1
    place_changes: int = 0
    """Rises when an owner goes and when somebody joins, so that what must see these at once conflicts with them."""

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        asked = {**equal, **(where or {})}
        if actor.system and actor.organization_id is None:
            return asked
        return {"$and": [asked, {"_id": actor.organization_id}]}

    @classmethod
    def data_owner(cls, stored: Where) -> str:
        return keyring.organization(stored["_id"])


async def is_suspended(id: ObjectId) -> bool:
    """Whether the platform has suspended an organization."""
    where = {"state": OrganizationState.SUSPENDED.value}
    return await Organization.lookup(Actor.platform(id), where, fields=frozenset()) is not None


class OrganizationDocument(StoredDocument, Organization):
    class Settings:
        name = Organization.collection
        indexes = [IndexModel([("slug", ASCENDING)], unique=True)]

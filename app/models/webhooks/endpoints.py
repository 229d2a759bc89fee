from datetime import datetime
from enum import StrEnum
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.keyring import Sealed
from app.core.privacy import NEUTRAL, PSEUDONYM, keep
from app.models.base import StoredDocument, TenantRow


class WebhookType(StrEnum):
    """What an organization can be told of by webhooks."""

    ORGANIZATION_CHANGED = "organization.changed"
    ORGANIZATION_TIER_CHANGED = "organization.tier_changed"
    MEMBER_CHANGED = "member.changed"
    MEMBER_INVITED = "member.invited"
    INVITATION_CHANGED = "invitation.changed"
    ROLE_CREATED = "role.created"
    ROLE_CHANGED = "role.changed"
    ROLE_REMOVED = "role.removed"
    AFFILIATION_CHANGED = "affiliation.changed"


class WebhookState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    """By a person."""
    DISABLED = "disabled"
    """By Atrium: `fault` says why."""


class WebhookFault(StrEnum):
    GONE = "gone"
    """It has answered 410."""
    FAILING = "failing"
    """It has failed for days."""
    DOCUMENT = "document"
    """Its document does not fit the schema any more."""


class WebhookEndpoint(TenantRow):
    """Somebody else's server that is told what happens in the organization.

    `position` is how far it has come in the change log: it has a delivery for every event up to there that it is to
    hear. While it sleeps (`awake` is false) and does not rest there is nothing for it beyond, either. `run` counts how
    often it was woken.
    """

    collection = "webhook_endpoints"
    audited = frozenset({"url", "types", "document", "permissions", "state"})
    policies = {
        "url description": keep("it is the organization's, and works on when who made it has gone"),
        "types document filter permissions ordered state fault": NEUTRAL,
        "secret old_secret overlap_until": keep("it is the organization's"),
        "position awake run failures failing_since warned_at rests_until created_at changed_at": NEUTRAL,
        "made_by_id": PSEUDONYM,
    }

    url: str
    description: str = ""
    types: list[WebhookType]
    document: str | None = None
    """A GraphQL query that makes what is sent; a short one of Atrium's without it."""
    filter: dict[str, Any] | None = None
    permissions: list[str]
    """With which the document is executed, sorted."""
    ordered: bool = False
    """Whether what concerns one thing waits until what came before about it has arrived, or was given up."""
    state: WebhookState = WebhookState.ACTIVE
    fault: WebhookFault | None = None
    secret: Sealed
    old_secret: Sealed | None = None
    """The one before, which signs as well until `overlap_until`."""
    overlap_until: datetime | None = None
    position: int
    awake: bool = False
    run: int = 0
    failures: int = 0
    """In a row."""
    failing_since: datetime | None = None
    warned_at: datetime | None = None
    rests_until: datetime | None = None
    """Until when nothing is sent, because it has failed or asked for it."""
    made_by_id: ObjectId
    created_at: datetime
    changed_at: datetime


class WebhookEndpointDocument(StoredDocument, WebhookEndpoint):
    class Settings:
        name = WebhookEndpoint.collection
        indexes = [IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)])]

"""What happens in an organization that it may let others hear of: the events that webhooks can be made for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from app.core.actor import Actor
from app.core.changes import Change, Event
from app.core.feeds import Told
from app.core.filters import Filterable
from app.core.rows import Row
from app.models import Permission, WebhookEndpoint, WebhookType
from app.models.organizations.events import (
    AffiliationMoved,
    InvitationChanged,
    MemberInvited,
    MembershipChanged,
    OrganizationChanged,
    OrganizationTierChanged,
    RoleChanged,
    RoleCreated,
    RoleRemoved,
)


@dataclass(frozen=True, slots=True)
class Public:
    """A kind of event: the thing that it concerns, and what it takes to hear of it."""

    event: type[Event]
    about: Callable[[Any], ObjectId]
    permission: Permission | None = None


TYPES: Mapping[WebhookType, Public] = {
    WebhookType.ORGANIZATION_CHANGED: Public(OrganizationChanged, lambda event: event.organization),
    WebhookType.ORGANIZATION_TIER_CHANGED: Public(OrganizationTierChanged, lambda event: event.organization),
    WebhookType.MEMBER_CHANGED: Public(MembershipChanged, lambda event: event.user, Permission.MEMBERS_READ),
    WebhookType.MEMBER_INVITED: Public(MemberInvited, lambda event: event.invitation, Permission.MEMBERS_INVITE),
    WebhookType.INVITATION_CHANGED: Public(
        InvitationChanged, lambda event: event.invitation, Permission.MEMBERS_INVITE
    ),
    WebhookType.ROLE_CREATED: Public(RoleCreated, lambda event: event.role, Permission.MEMBERS_READ),
    WebhookType.ROLE_CHANGED: Public(RoleChanged, lambda event: event.role, Permission.MEMBERS_READ),
    WebhookType.ROLE_REMOVED: Public(RoleRemoved, lambda event: event.role, Permission.MEMBERS_READ),
    WebhookType.AFFILIATION_CHANGED: Public(
        AffiliationMoved, lambda event: event.affiliation, Permission.AFFILIATIONS_MANAGE
    ),
}
BY_EVENT: Mapping[str, WebhookType] = {public.event.type(): type for type, public in TYPES.items()}
"""By the type that the change log has."""

FILTERABLE = Filterable(frozenset({"type", "user_id", "state", "role", "tier"}))


class _Facts(Row):
    """What a filter may ask of an event; None where it says nothing of that."""

    def __init__(self, type: WebhookType, event: Event) -> None:
        self.type = type.value
        self.user_id: ObjectId | None = getattr(event, "user", None)
        self.state: str | None = getattr(event, "state", None)
        self.role = str(role) if (role := getattr(event, "role", None)) else None
        self.tier: str | None = getattr(event, "tier", None)


def heard(endpoint: WebhookEndpoint, change: Change) -> WebhookType | None:
    """As what an endpoint hears of a change; None if it does not."""
    type = BY_EVENT.get(change.type)
    if type is None or type not in endpoint.types or change.event is None:
        return None
    if endpoint.filter and not FILTERABLE.predicate(endpoint.filter)(_Facts(type, change.event)):
        return None
    return type


def told(change: Change) -> Told:
    """A change, as documents are given it."""
    assert change.event
    return Told(change, change.event, ())


def about(type: WebhookType, change: Change) -> ObjectId:
    """The thing that a change concerns."""
    return TYPES[type].about(change.event)


def acting(endpoint: WebhookEndpoint) -> Actor:
    """Who executes an endpoint's document: it acts as an API key does, in nobody's name."""
    return Actor(endpoint.organization_id, permissions=frozenset(endpoint.permissions), key_id=endpoint.id)

"""What happens in an organization, as the documents of webhooks are shown it.

Equal names are of equal types in all of them, so that a document can select what it likes of each.
"""

from datetime import datetime
from typing import Any, ClassVar

import strawberry

from app import models
from app.core.changes import Event
from app.core.feeds import Told
from app.models.organizations import events
from app.schema.identity.users import User
from app.schema.kit.feeds import told
from app.schema.kit.fields import computed
from app.schema.kit.nodes import global_id
from app.schema.organizations.affiliations import Affiliation
from app.schema.organizations.invitations import Invitation
from app.schema.organizations.organizations import Organization
from app.schema.organizations.roles import CustomRole, Role
from app.services.webhooks import public


@strawberry.interface(
    description="Something that happened. What it leads to is as it is by now, and null once it is no more."
)
class WebhookEvent:
    event: ClassVar[type[Event]]

    at: datetime

    @computed(description="As the type of what is sent has it.")
    def type(heard: strawberry.Parent[Any]) -> models.WebhookType:
        return public.BY_EVENT[heard.event.type()]

    @classmethod
    def is_type_of(cls, value: object, info: Any) -> bool:
        return isinstance(value, Told) and type(value.event) is cls.event


def _id(node: str, by: str, description: str) -> Any:
    """The id of a node that may be no more."""

    def resolve(heard: strawberry.Parent[Any]) -> strawberry.ID:
        return global_id(node, getattr(heard.event, by))

    return strawberry.field(resolve, description=description)


@strawberry.type(description="The organization has another name or other settings.")
class OrganizationChanged(WebhookEvent):
    event = events.OrganizationChanged
    organization: Organization | None = told(models.Organization, by="organization")


@strawberry.type(description="The organization has another tier.")
class OrganizationTierChanged(WebhookEvent):
    event = events.OrganizationTierChanged
    organization: Organization | None = told(models.Organization, by="organization")

    @computed(description="The one that it has since then.")
    def tier(heard: strawberry.Parent[Any]) -> models.Tier:
        return models.Tier(heard.event.tier)


@strawberry.type(description="Somebody joined, left, was suspended, let back in or given another role.")
class MemberChanged(WebhookEvent):
    event = events.MembershipChanged
    user_id: strawberry.ID = _id("User", "user", "Who.")
    user: User | None = told(models.User, by="user")

    @computed(description="What their place was then.")
    def member_state(heard: strawberry.Parent[Any]) -> models.MembershipState:
        return models.MembershipState(heard.event.state)

    @computed(description="What they were then.")
    def member_role(heard: strawberry.Parent[Any]) -> Role:
        return Role(heard.event.role)


@strawberry.type(description="Somebody was invited.")
class MemberInvited(WebhookEvent):
    event = events.MemberInvited
    invitation: Invitation | None = told(models.Invitation, by="invitation")


@strawberry.type(description="An invitation was accepted or revoked, or its time ran out.")
class InvitationChanged(WebhookEvent):
    event = events.InvitationChanged
    invitation: Invitation | None = told(models.Invitation, by="invitation")


@strawberry.type(description="The organization has another custom role.")
class RoleCreated(WebhookEvent):
    event = events.RoleCreated
    custom_role_id: strawberry.ID = _id("CustomRole", "role", "Which.")
    custom_role: CustomRole | None = told(models.CustomRole, by="role")


@strawberry.type(description="A custom role has another name, or allows something else.")
class RoleChanged(WebhookEvent):
    event = events.RoleChanged
    custom_role_id: strawberry.ID = _id("CustomRole", "role", "Which.")
    custom_role: CustomRole | None = told(models.CustomRole, by="role")


@strawberry.type(description="A custom role is no more.")
class RoleRemoved(WebhookEvent):
    event = events.RoleRemoved
    custom_role_id: strawberry.ID = _id("CustomRole", "role", "Which.")


@strawberry.type(description="Somebody asks to sell for the organization, or what becomes of it was decided.")
class AffiliationChanged(WebhookEvent):
    event = events.AffiliationMoved
    affiliation: Affiliation | None = told(models.Affiliation, by="affiliation")
    user_id: strawberry.ID = _id("User", "user", "Who.")

    @computed(description="What it was then.")
    def affiliation_state(heard: strawberry.Parent[Any]) -> models.AffiliationState:
        return models.AffiliationState(heard.event.state)


EVENTS = [
    OrganizationChanged,
    OrganizationTierChanged,
    MemberChanged,
    MemberInvited,
    InvitationChanged,
    RoleCreated,
    RoleChanged,
    RoleRemoved,
    AffiliationChanged,
]

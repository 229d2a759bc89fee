from datetime import datetime

import strawberry

from app import models
from app.core import quotas
from app.core.answers import Hint, Scope
from app.schema.kit.context import Info
from app.schema.kit.fields import batched, computed
from app.schema.kit.nodes import Node, by_class
from app.schema.organizations.tiers import Tier
from app.services.organizations import seats

strawberry.enum(models.Feature, description="What an organization can switch off for its members.")


@strawberry.type(description="That the organization is to be deleted with everything in it.")
class OrganizationDeletion:
    requested_at: datetime
    due_at: datetime = strawberry.field(description="Until then nothing changes, and an owner can stop it.")
    reason: str


@strawberry.type(description="The platform has suspended the organization: everything can be read and nothing changed.")
class OrganizationSuspension:
    suspended_at: datetime
    reason: str


@strawberry.type(description="How much of something is used, of how much.")
class QuotaUsage:
    used: int
    limit: int

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, quotas.Usage)


@strawberry.type(description="What an organization uses of what it may have.")
class OrganizationUsage:
    seats: QuotaUsage = strawberry.field(description="Members, and open invitations.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, seats.OrganizationUsage)


strawberry.enum(models.OrganizationState, description="What can be done in an organization.")


@strawberry.type(
    description="From where members and keys may come: the networks allowed (all if none) but those denied."
)
class NetworkRules:
    allowed_networks: list[str] = strawberry.field(description="As CIDR, such as 192.0.2.0/24.")
    denied_networks: list[str]

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.Organization)


@strawberry.type(description="A tenant: what it owns does not exist for any other.")
class Organization(Node):
    model = models.Organization

    name: str
    slug: str
    locale: str = strawberry.field(description="BCP 47, such as pt-BR.")
    currency: str = strawberry.field(description="ISO 4217, such as EUR.")
    time_zone: str = strawberry.field(description="Of the IANA database, such as Europe/Paris.")
    tax_rate: int = strawberry.field(description="Of its sales, in basis points: 1900 is 19 %.")
    brand_color: str | None = strawberry.field(description="As #rrggbb.")
    brand_text_color: str | None = strawberry.field(
        description="As #rrggbb; on the brand's colour it has a contrast of 4.5 to 1 at least."
    )
    sender_name: str | None = strawberry.field(description="From whom its e-mails are; null for Atrium.")
    disabled_features: list[models.Feature]
    tier: Tier
    created_at: datetime
    state: models.OrganizationState
    deletion: OrganizationDeletion | None
    suspension: OrganizationSuspension | None

    @computed(
        "allowed_networks",
        "denied_networks",
        description="For those who may change the organization; null for others.",
        cache=Hint(scope=Scope.PRIVATE),
    )
    def network_rules(row: strawberry.Parent[models.Organization], info: Info) -> NetworkRules | None:
        may = info.context.actor.can(models.Permission.ORGANIZATION_UPDATE)
        return row if may else None  # type: ignore[return-value]

    usage: OrganizationUsage = batched(seats.usage, description="What it uses of what it may have.")
    version: int = strawberry.field(description="Rises with every edit; give it as `expectedVersion`.")

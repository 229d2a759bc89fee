from datetime import datetime

import strawberry

from app import models
from app.core.money import Minor
from app.schema.billing.meters import Meter
from app.schema.kit.fields import computed, edge
from app.schema.kit.nodes import Node, by_class, global_id
from app.services.billing.buyers import NAMES
from app.services.billing.metering import entitlements

strawberry.enum(models.EntitlementKind, description="In which way a customer may use something.")
strawberry.enum(models.Renewal, description="How often an allowance begins anew.")


@strawberry.type(description="What a customer may use.")
class Entitlement(Node):
    model = models.Entitlement

    feature: str
    kind: models.EntitlementKind
    value: str | None = strawberry.field(description="What a static one says.")
    meter: Meter | None = edge(models.Meter, by="meter_id", description="Of a metered one.")
    allowance: Minor | None = strawberry.field(description="How much a metered one is; null for any amount.")
    extra: Minor = strawberry.field(description="Units bought beside it, last.")
    extra_for: datetime | None = strawberry.field(description="When the stretch began that they are for.")
    renewal: models.Renewal | None = strawberry.field(description="How often the allowance begins anew.")
    overage: bool = strawberry.field(description="Whether more can be used, which is billed.")
    starts_at: datetime
    ends_at: datetime | None
    renews_at: datetime | None = strawberry.field(description="When a plan gives it anew.")
    created_at: datetime
    version: int

    @computed("customer_kind", "customer_id", description="A person or an organization.")
    def customer_id(row: strawberry.Parent[models.Entitlement]) -> strawberry.ID:
        return global_id(NAMES[row.customer_kind], row.customer_id)


@strawberry.type(description="What one may use now, and of what is measured how much is left.")
class Entitled:
    feature: str
    kind: models.EntitlementKind
    value: str | None
    used: Minor | None = strawberry.field(description="Of what is measured; what is reserved is in it.")
    allowance: Minor | None
    remaining: Minor | None = strawberry.field(description="Null for what is not measured, and for any amount.")
    overage: bool
    renews_at: datetime | None = strawberry.field(description="When the allowance begins anew, or all of it ends.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, entitlements.Entitled)


@strawberry.type(description="That so much is kept for a customer.")
class UsageReservation:
    key: str
    quantity: Minor
    until: datetime
    remaining: Minor | None = strawberry.field(description="What is left besides; null for any amount.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, entitlements.Reserved)


@strawberry.type(description="Whether something was reserved that is free again.")
class UsageRelease:
    released: bool

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, entitlements.Released)

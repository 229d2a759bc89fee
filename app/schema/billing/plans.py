from datetime import datetime

import strawberry

from app import models
from app.core.money import Minor
from app.schema.kit.fields import batched, computed, derived
from app.schema.kit.nodes import Node, by_class, global_id
from app.schema.organizations.tiers import Tier
from app.services.billing.selling import plans

strawberry.enum(models.Interval, name="BillingInterval", description="What billing periods are counted in.")
strawberry.enum(models.PricingModel, description="How an amount follows from a quantity.")
strawberry.enum(models.Proration, description="By what a fee is divided when a subscription changes within a period.")
strawberry.enum(models.PlanState, description="Whether a plan is sold.")


@strawberry.type(description="Units up to a number, or all further ones, and what they cost in minor units.")
class PriceTier:
    up_to: Minor | None
    unit_amount: Minor
    flat_amount: Minor = strawberry.field(description="Once for the tier.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.PriceTier)


@strawberry.type(description="How a quantity is priced, in minor units.")
class Rate:
    model: models.PricingModel
    amount: Minor = strawberry.field(description="For all, a unit or a package.")
    package_size: Minor
    tiers: list[PriceTier]

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.Rate)


@strawberry.type(description="What is used of a meter in a period: some is in the fee, the rest is billed afterwards.")
class MeteredComponent:
    name: str
    rate: Rate
    included: Minor

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.MeteredComponent)


@strawberry.type(description="What a plan costs. It is never edited: who subscribes at it keeps it.")
class Price(Node):
    model = models.Price

    currency: str = strawberry.field(description="ISO 4217, such as EUR.")
    interval: models.Interval
    interval_count: int
    rate: Rate = strawberry.field(description="Of the fee, by seats.")
    components: list[MeteredComponent]
    version: int
    superseded_at: datetime | None = strawberry.field(description="When another took its place for new subscriptions.")
    created_at: datetime


@strawberry.type(description="So much of what a meter measures, in each period of a subscription.")
class PlanAllowance:
    feature: str
    amount: Minor | None = strawberry.field(description="Null for any amount.")
    by_seat: bool = strawberry.field(description="Whether each seat has so much.")
    overage: bool = strawberry.field(description="Whether more can be used, which is billed.")

    @computed("meter_id", description="What it is measured by.", personal=False)
    def meter_id(one: strawberry.Parent[models.PlanAllowance]) -> strawberry.ID:
        return global_id("Meter", one.meter_id)

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.PlanAllowance)


@strawberry.type(description="Something that people or organizations subscribe to.")
class Plan(Node):
    model = models.Plan

    key: str
    name: str
    description: str
    trial_days: int
    payment_days: int = strawberry.field(description="Within which an invoice is to be paid.")
    grace_days: int = strawberry.field(description="Before access ends.")
    proration: models.Proration
    allowances: list[PlanAllowance] = strawberry.field(description="Given anew with each period, never prorated.")
    state: models.PlanState
    created_at: datetime

    @computed("tier", description="Of the platform's plans: what an organization has by it.", personal=False)
    def tier(row: strawberry.Parent[models.Plan]) -> Tier | None:
        return Tier(row.tier) if row.tier else None

    @derived(plans.prices, description="What it costs who subscribes now.")
    def prices(found: list[models.Price] | None) -> list[Price]:
        return found or []  # type: ignore[return-value]


plan_by = batched(plans.by_ids, by="plan_id", model=models.Plan)
price_by = batched(plans.prices_by_ids, by="price_id", model=models.Price)

from datetime import datetime

import strawberry

from app import models
from app.core.money import Minor
from app.schema.billing.meters import Meter
from app.schema.kit.fields import computed, edge
from app.schema.kit.nodes import Node, by_class, global_id
from app.services.billing.buyers import NAMES
from app.services.billing.metering import platform_usage, usage

strawberry.enum(usage.Outcome, description="What became of an event.")


@strawberry.type(description="Something that is known of an event.")
class UsageProperty:
    name: str
    value: str

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.UsageProperty)


@strawberry.type(description="That a customer has used so much of what a meter measures.")
class UsageEvent(Node):
    model = models.UsageEvent

    transaction_id: str
    meter: Meter | None = edge(models.Meter, by="meter_id")
    at: datetime = strawberry.field(description="When it happened.")
    counts_at: datetime = strawberry.field(
        description="From when on it counts: later where its window was closed when it came."
    )
    quantity: Minor
    properties: list[UsageProperty]
    received_at: datetime

    @computed("customer_kind", "customer_id", description="A person or an organization.")
    def customer_id(row: strawberry.Parent[models.UsageEvent]) -> strawberry.ID:
        return global_id(NAMES[row.customer_kind], row.customer_id)

    @computed("at", "counts_at", description="Whether its window was closed when it came.")
    def late(row: strawberry.Parent[models.UsageEvent]) -> bool:
        return row.late


@strawberry.type(description="What became of an event.")
class UsageTaken:
    transaction_id: str
    outcome: usage.Outcome
    counts_at: datetime

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, usage.UsageTaken)


@strawberry.type(description="What became of events, in the order in which they were sent.")
class UsageReceipt:
    events: list[UsageTaken]

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, usage.UsageReceipt)


@strawberry.type(description="What a meter shows of a customer from one moment to before another.")
class MeterUsage:
    meter: Meter
    total: Minor
    starts_at: datetime
    ends_at: datetime

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, usage.MeterUsage)


@strawberry.type(description="How much of something an organization uses of the platform.")
class OrganizationUse:
    key: str
    name: str
    unit: str
    used: Minor
    limit: Minor | None = strawberry.field(description="Null where there is none.")
    since: datetime | None = strawberry.field(description="From when on it is counted; null for what is there now.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, platform_usage.OrganizationUse)

from datetime import datetime
from typing import Any

import strawberry

from app import models
from app.models.billing import events
from app.schema.billing.invoices import Invoice, UpcomingInvoice
from app.schema.billing.plans import Plan, Price, plan_by, price_by
from app.schema.kit.context import Info
from app.schema.kit.feeds import FeedEvent, feed_cursor
from app.schema.kit.fields import computed
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.billing.invoicing import invoices
from app.services.billing.selling import plans
from app.services.billing.selling.lifecycle import SUBSCRIPTION
from app.services.billing.subscribing import subscriptions

strawberry.enum(models.SubscriptionState, description="How a subscription stands.")
strawberry.enum(models.Collection, name="CollectionMethod", description="How invoices are paid.")
strawberry.enum(subscriptions.When, name="ChangeMoment", description="From when on a change holds.")


@strawberry.type(description="Somebody's subscription to a plan, at a price that stays theirs.")
class PlanSubscription(Node):
    model = models.Subscription

    plan: Plan | None = plan_by
    price: Price | None = price_by
    customer_kind: models.CustomerKind
    state: models.SubscriptionState
    seats: int
    collection_method: models.Collection
    starts_at: datetime = strawberry.field(description="When the present period began.")
    ends_at: datetime
    renews: bool = strawberry.field(description="Whether a period follows by itself.")
    cancels: bool = strawberry.field(description="Whether it is over at the end of the period.")
    next_seats: int | None = strawberry.field(description="What it changes to at the end of the period.")
    paused_at: datetime | None
    resumes_at: datetime | None
    grace_ends_at: datetime | None = strawberry.field(description="When access ends unless it is paid or renewed.")
    ended_at: datetime | None
    created_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(SUBSCRIPTION)
    feed_cursor: str = feed_cursor("b")

    @computed("next_price_id", description="What it changes to at the end of the period.", returns=Price | None)
    async def next_price(row: strawberry.Parent[models.Subscription], info: Info) -> models.Price | None:
        if row.next_price_id is None:
            return None
        return (await plans.prices_by_ids(info.context.actor, [row.next_price_id], None)).get(row.next_price_id)


@strawberry.type(
    description="A subscription as it has become, with what that is invoiced at. Rehearsed, it is the same."
)
class SubscriptionOutcome:
    subscription: PlanSubscription
    invoice: Invoice | None = strawberry.field(description="Made for the change, if it costs or credits something now.")
    upcoming: UpcomingInvoice | None = strawberry.field(description="What follows when the period ends.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, subscriptions.Change)


def _subscription() -> Any:
    async def resolve(heard: strawberry.Parent[Any], info: Info) -> Any:
        return await info.context.load(subscriptions.seen, heard.event.subscription, models.Subscription)

    return strawberry.field(resolve)


def _invoice() -> Any:
    async def resolve(heard: strawberry.Parent[Any], info: Info) -> Any:
        return await invoices.find(info.context.actor, heard.event.invoice)

    return strawberry.field(resolve)


@strawberry.interface(description="Something that happened to a subscription.")
class SubscriptionEvent(FeedEvent):
    subscription: PlanSubscription | None = _subscription()


@strawberry.type(description="A subscription has come to another state, or was changed within it.")
class SubscriptionChanged(SubscriptionEvent):
    event = events.SubscriptionChanged


@strawberry.type(description="An invoice was issued.")
class InvoiceIssued(SubscriptionEvent):
    event = events.InvoiceIssued
    invoice: Invoice | None = _invoice()


@strawberry.type(description="An invoice was paid.")
class InvoicePaid(SubscriptionEvent):
    event = events.InvoicePaid
    invoice: Invoice | None = _invoice()


@strawberry.type(description="An invoice could not be collected.")
class CollectionFailed(SubscriptionEvent):
    event = events.CollectionFailed
    invoice: Invoice | None = _invoice()


EVENTS = (SubscriptionChanged, InvoiceIssued, InvoicePaid, CollectionFailed)

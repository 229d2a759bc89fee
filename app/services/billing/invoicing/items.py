"""What a subscription is billed for: items, not priced yet. The same ones for a preview, a rehearsal and an invoice."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from app.models import CustomerKind, InvoiceItem, LineKind, Plan, Price, Subscription
from app.services.billing.selling.periods import Cycle, Span


@dataclass(frozen=True, slots=True)
class Basis:
    """What an invoice is made from. An invoice that was made has the same attributes."""

    organization_id: ObjectId
    customer_kind: CustomerKind
    customer_id: ObjectId
    currency: str
    items: list[InvoiceItem]
    time_zone: str
    proration: str


def basis(subscription: Subscription, plan: Plan, price: Price, items: Iterable[InvoiceItem]) -> Basis:
    return Basis(
        subscription.organization_id,
        subscription.customer_kind,
        subscription.customer_id,
        price.currency,
        list(items),
        subscription.time_zone,
        plan.proration.value,
    )


def cycle(subscription: Subscription, price: Price) -> Cycle:
    """The periods of a subscription at a price."""
    return Cycle(subscription.anchor_at, subscription.time_zone, price.interval, price.interval_count)


def fee(plan: Plan, price: Price, seats: int, period: Span) -> InvoiceItem:
    """The fee for a period that begins."""
    return InvoiceItem(LineKind.FEE, plan.name, price.id, seats, period.starts_at, period.ends_at, period.starts_at)


def overage(price: Price, window: Span) -> list[InvoiceItem]:
    """What was used in a window that ends, of each meter; how much it is is read when it is billed."""
    if window.ends_at <= window.starts_at:
        return []
    return [
        InvoiceItem(
            LineKind.OVERAGE,
            component.name,
            price.id,
            0,
            window.starts_at,
            window.ends_at,
            window.starts_at,
            component.meter_id,
        )
        for component in price.components
    ]


def rest(plan: Plan, price: Price, seats: int, period: Span, moment: datetime, sign: int) -> InvoiceItem:
    """The part of a fee from a moment to the end of its period, charged or credited."""
    return InvoiceItem(
        LineKind.PRORATION, plan.name, price.id, seats, moment, period.ends_at, period.starts_at, sign=sign
    )


def renewal(
    subscription: Subscription, old: Price, plan: Plan, price: Price, seats: int, following: Span
) -> list[InvoiceItem]:
    """What is due when a period ends and another begins: its fee, and what was used in the one before."""
    window = Span(subscription.metered_from, following.starts_at)
    return [fee(plan, price, seats, following), *overage(old, window)]


def final(subscription: Subscription, price: Price, moment: datetime) -> list[InvoiceItem]:
    """What is still due when a subscription ends."""
    return overage(price, Span(subscription.metered_from, moment))


def changed(
    subscription: Subscription,
    before: tuple[Plan, Price],
    after: tuple[Plan, Price],
    seats: int,
    moment: datetime,
) -> list[InvoiceItem]:
    """What a change within a period comes to: the rest of the old fee is credited, that of the new one charged."""
    period = Span(subscription.starts_at, subscription.ends_at)
    return [
        rest(*before, subscription.seats, period, moment, -1),
        rest(*after, seats, period, moment, 1),
    ]


def begun_anew(
    subscription: Subscription,
    before: tuple[Plan, Price],
    after: tuple[Plan, Price],
    seats: int,
    period: Span,
) -> list[InvoiceItem]:
    """What a change to other periods comes to: one begins at once, and what was used until then is billed."""
    old = Span(subscription.starts_at, subscription.ends_at)
    credited = rest(*before, subscription.seats, old, period.starts_at, -1)
    window = Span(subscription.metered_from, period.starts_at)
    return [credited, fee(*after, seats, period), *overage(before[1], window)]

"""What the clock does to subscriptions: renews and ends them, and tells in time what ends (BIL-5).

Each is looked at when its `next_at` has come, and moved in the very write that sets the next: of several workers one
moves it. What was missed while no worker ran is made up for, period by period.
"""

from datetime import datetime

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import reached
from app.core.paging import Order
from app.models import OPEN, Invoice, InvoiceCause, InvoiceItem, InvoiceState, Plan, Price, Subscription
from app.models.backlogs import work_off
from app.models.billing.events import SubscriptionEnding
from app.services.billing.invoicing import dues, invoices, items
from app.services.billing.selling import lifecycle, standing
from app.services.billing.selling.lifecycle import GRACE, INCOMPLETE, PAST_DUE, PAUSED, TRIALING
from app.services.billing.selling.periods import Cycle, Span

PLATFORM = Actor.platform()


async def run(moment: datetime, seller: Actor = PLATFORM) -> int:
    """Move what is due, of one seller or of all, and answer how often something was."""
    order, due = Order(("next_at", "_id"), descending=False), {"next_at": reached(moment)}
    return await work_off(Subscription, seller, due, order, lambda row: advance(row, moment))


@changes.atomic
async def advance(seen: Subscription, moment: datetime) -> None:
    """Do the next thing that is due to a subscription, as of when it was due."""
    seller = Actor.platform(seen.organization_id)
    row = await Subscription.lookup(seller, _id=seen.id, next_at=seen.next_at)
    if row is None or row.next_at is None or row.next_at > moment:
        return
    if row.state is INCOMPLETE:
        await _expire(seller, row, row.next_at)
    elif row.state is GRACE:
        await close(seller, row, row.next_at, "expire")
    elif row.state is PAUSED:
        await resume(seller, row, row.next_at)
    elif row.ends_at <= moment:
        await _period_over(seller, row)
    else:
        await _notify(seller, row, moment)


async def resume(actor: Actor, row: Subscription, moment: datetime) -> Subscription:
    """Let a subscription go on that was paused: what was left of its period begins now, others follow that."""
    assert row.paused_at
    away = moment - row.paused_at
    set = {"starts_at": row.starts_at + away, "ends_at": row.ends_at + away}
    over = {"paused_at": None, "resumes_at": None, "notified": None}
    return await lifecycle.move(actor, row, "resume", moment, **set, **over, anchor_at=row.ends_at + away, period=-1)


async def following(row: Subscription) -> tuple[Plan, Price, Price, int, Span]:
    """What a subscription is renewed to: the plan and price, the one before, the seats, and the period."""
    seller = Actor.platform(row.organization_id)
    old = await Price.require(seller, row.price_id)
    price = await Price.require(seller, row.next_price_id) if row.next_price_id else old
    if price.plan_id != row.plan_id and await has(seller, row.customer_id, price.plan_id):
        price = old  # they have subscribed to it otherwise, meanwhile
    plan = await Plan.require(seller, price.plan_id)
    return plan, old, price, row.next_seats or row.seats, _next(row, old, price)


async def has(seller: Actor, customer_id: ObjectId, plan_id: ObjectId) -> bool:
    """Whether a customer has an open subscription to a plan."""
    where = {"customer_id": customer_id, "plan_id": plan_id, "state": {"$in": [state.value for state in OPEN]}}
    return bool(await Subscription.select(seller, where, fields=frozenset(), limit=1))


def _next(row: Subscription, old: Price, price: Price) -> Span:
    """The period after the present one: other intervals are counted anew, from its end."""
    cycle = items.cycle(row, price)
    if (old.interval, old.interval_count) == (price.interval, price.interval_count):
        return cycle.period(row.period + 1)
    return Cycle(row.ends_at, row.time_zone, price.interval, price.interval_count).period(0)


def billed(row: Subscription, plan: Plan, old: Price, price: Price, seats: int, period: Span) -> list[InvoiceItem]:
    """What is due when a subscription is renewed; what was used in a trial is free."""
    due = items.renewal(row, old, plan, price, seats, period)
    return due[:1] if row.state is TRIALING else due


async def renew(actor: Actor, row: Subscription, name: str, cause: InvoiceCause, moment: datetime) -> Invoice | None:
    """Begin the next period, in a scope, and make the invoice for it; None when there is nothing to bill."""
    plan, old, price, seats, period = await following(row)
    due = billed(row, plan, old, price, seats, period)
    same = (old.interval, old.interval_count) == (price.interval, price.interval_count)
    counted = {"period": row.period + 1} if same else {"anchor_at": period.starts_at, "period": 0}
    renewed = await lifecycle.move(
        actor,
        row,
        name,
        moment,
        plan_id=plan.id,
        price_id=price.id,
        seats=seats,
        next_price_id=None,
        next_seats=None,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
        metered_from=period.starts_at,
        grace_ends_at=None,
        notified=lifecycle.told_until(period),
        **counted,
    )
    return await invoices.make(actor, renewed, plan, price, due, cause, moment)


async def _period_over(seller: Actor, row: Subscription) -> None:
    at = row.ends_at
    if row.cancels:
        await close(seller, row, at)
    elif row.state is PAST_DUE:
        await standing.end(seller, row, at)
    elif row.state is TRIALING:
        await renew(seller, row, "activate", InvoiceCause.FIRST, at)
    elif row.renews:
        await renew(seller, row, "continue", InvoiceCause.RENEWAL, at)
    else:
        await _end(seller, row, at)


async def _end(seller: Actor, row: Subscription, at: datetime) -> None:
    """Let a last period be over: what was used in it is billed, and what is used in the days of grace when they are."""
    price = await Price.require(seller, row.price_id)
    plan = await Plan.require(seller, row.plan_id)
    ended = await standing.end(seller, row, at, metered_from=at)
    await invoices.make(seller, ended, plan, price, items.final(row, price, at), InvoiceCause.FINAL, at)


async def close(actor: Actor, row: Subscription, moment: datetime, name: str = "cancel") -> Invoice | None:
    """End a subscription, in a scope, and bill what was used until then; None when there is nothing."""
    price = await Price.require(Actor.platform(row.organization_id), row.price_id)
    trial = row.state in (TRIALING, INCOMPLETE)
    window_ends = min(moment, row.paused_at) if row.paused_at else moment
    due = [] if trial else items.final(row, price, window_ends)
    set = {"ended_at": moment, "grace_ends_at": None, "paused_at": None, "resumes_at": None}
    closed = await lifecycle.move(actor, row, name, moment, **set, next_price_id=None, next_seats=None)
    if not due:
        return None
    plan = await Plan.require(Actor.platform(row.organization_id), row.plan_id)
    return await invoices.make(actor, closed, plan, price, due, InvoiceCause.FINAL, moment)


async def void_unpaid(seller: Actor, row: Subscription, moment: datetime) -> None:
    """Void what was invoiced for a subscription that never began, in a scope."""
    where = {"subscription_id": row.id, "state": {"$in": [InvoiceState.ISSUED.value, InvoiceState.OVERDUE.value]}}
    for invoice in await Invoice.select(seller, where):
        if not invoice.paid and not invoice.credited:
            await dues.undo(seller, invoice, moment)


async def _expire(seller: Actor, row: Subscription, moment: datetime) -> None:
    """Let a subscription go whose first invoice nobody has paid."""
    await void_unpaid(seller, row, moment)
    await lifecycle.move(seller, row, "expire", moment, ended_at=moment, grace_ends_at=None)


async def _notify(seller: Actor, row: Subscription, moment: datetime) -> None:
    days = lifecycle.notice_due(row, moment)
    trial = row.state is TRIALING
    told = SubscriptionEnding(seller, subscription=row.id, customer=row.customer_id, days=days or 0, trial=trial)
    await lifecycle.edit(seller, row, moment, *([told] if days else []), notified=days or row.notified)

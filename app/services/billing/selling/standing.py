"""What becomes of a subscription by its invoices: paid, it goes on; not paid, it falls behind and ends."""

from datetime import datetime
from typing import Any

from bson import ObjectId

from app.core.actor import Actor
from app.models import Invoice, InvoiceCause, InvoiceState, Plan, Subscription
from app.services.billing.selling import lifecycle
from app.services.billing.selling.lifecycle import ACTIVE, DAY, GRACE, INCOMPLETE, PAST_DUE

OWED = {"state": {"$in": [InvoiceState.ISSUED.value, InvoiceState.OVERDUE.value]}}


async def paid(invoice: Invoice, moment: datetime) -> Subscription | None:
    """An invoice was paid: what waited for it begins, what was behind goes on if nothing else is owed."""
    row, seller = await _of(invoice)
    if row is None:
        return None
    if row.state is INCOMPLETE and invoice.cause is InvoiceCause.FIRST:
        return await lifecycle.move(seller, row, "activate", moment, grace_ends_at=None)
    if row.state in (PAST_DUE, GRACE) and not await owes(seller, row, invoice.id):
        return await lifecycle.move(seller, row, "recover", moment, grace_ends_at=None)
    return row


async def behind(invoice: Invoice, moment: datetime) -> Subscription | None:
    """An invoice could not be collected, or is overdue."""
    row, seller = await _of(invoice)
    if row is None or row.state is not ACTIVE:
        return row
    return await lifecycle.move(seller, row, "fall_behind", moment)


async def given_up(invoice: Invoice, moment: datetime) -> Subscription | None:
    """An invoice is not tried again: access ends after the days of grace, unless it is paid."""
    row, seller = await _of(invoice)
    if row is None or row.state not in (ACTIVE, PAST_DUE):
        return row
    return await end(seller, row, moment)


async def end(actor: Actor, row: Subscription, moment: datetime, **set: Any) -> Subscription:
    """Let a subscription come to its days of grace."""
    plan = await Plan.require(Actor.platform(row.organization_id), row.plan_id)
    return await lifecycle.move(actor, row, "end", moment, grace_ends_at=moment + plan.grace_days * DAY, **set)


async def _of(invoice: Invoice) -> tuple[Subscription | None, Actor]:
    seller = Actor.platform(invoice.organization_id)
    return await Subscription.lookup(seller, _id=invoice.subscription_id), seller


async def owes(seller: Actor, row: Subscription, but: ObjectId | None = None) -> bool:
    """Whether an invoice of the subscription, other than one, could not be collected or is overdue."""
    tried = {"$or": [{"state": InvoiceState.OVERDUE.value}, {"first_failed_at": {"$ne": None}}]}
    where = {"$and": [OWED, tried, {"_id": {"$ne": but}}], "subscription_id": row.id}
    return bool(await Invoice.select(seller, where, fields=frozenset(), limit=1))

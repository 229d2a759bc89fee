"""The e-mails about subscriptions and invoices: to the customer, or to those who decide what an organization buys."""

from typing import Any

from app.core.actor import Actor
from app.core.changes import Event
from app.core.money import Money
from app.core.settings import settings
from app.models import (
    CustomerKind,
    Invoice,
    InvoiceCause,
    InvoiceState,
    Organization,
    Permission,
    Plan,
    Price,
    Subscription,
    User,
)
from app.models.billing.events import CollectionFailed, InvoiceIssued, InvoicePaid, OfInvoice, SubscriptionEnding
from app.services.billing.collecting import waiting
from app.services.billing.subscribing import upcoming
from app.services.notifications import emails
from app.services.notifications.letters import language
from app.services.organizations import members

PLATFORM = Actor.platform()


async def issued(event: InvoiceIssued) -> None:
    """Of an invoice, unless it is paid by now or holds no more."""
    invoice = await _invoice(event)
    if invoice is None or invoice.state not in (InvoiceState.ISSUED, InvoiceState.OVERDUE) or invoice.due_at is None:
        return
    for person in await _people(invoice):
        due, amount = emails.date_in(invoice.due_at, person.locale), _said(invoice.due, invoice.currency, person)
        known: dict[str, Any] = {"number": invoice.number, "amount": amount, "due": due, "link": _link(invoice)}
        await emails.to_person(person, event, "invoice_issued", await _seller(event), **known)


async def renewed(event: InvoicePaid) -> None:
    """Of a period that has begun and is paid."""
    invoice = await _invoice(event)
    row, plan = await _subscription(event)
    if invoice is None or row is None or plan is None or invoice.cause is not InvoiceCause.RENEWAL:
        return
    for person in await _people(invoice):
        until, amount = emails.date_in(row.ends_at, person.locale), _said(invoice.total, invoice.currency, person)
        known: dict[str, Any] = {"plan": plan.name, "amount": amount, "until": until, "link": settings().address("")}
        await emails.to_person(person, event, "subscription_renewed", await _seller(event), **known)


async def failed(event: CollectionFailed) -> None:
    """Of an invoice that could not be collected, with the way to pay it."""
    invoice = await _invoice(event)
    _, plan = await _subscription(event)
    if invoice is None or plan is None or invoice.state not in (InvoiceState.ISSUED, InvoiceState.OVERDUE):
        return
    for person in await _people(invoice):
        amount = _said(invoice.outstanding, invoice.currency, person)
        again = None if event.last else invoice.next_attempt_at
        retry = emails.date_in(again, person.locale) if again else ""
        known: dict[str, Any] = {"plan": plan.name, "amount": amount, "retry": retry, "link": _link(invoice)}
        kind = "payment_action_needed" if invoice.failure == waiting.NEEDED else "payment_failed"
        await emails.to_person(person, event, kind, await _seller(event), **known)


async def ending(event: SubscriptionEnding) -> None:
    """Of a trial, or of a period that none follows, which ends soon."""
    row, plan = await _subscription(event)
    if row is None or plan is None:
        return
    price = await Price.require(Actor.platform(row.organization_id), row.next_price_id or row.price_id)
    following = await upcoming.of(row)
    for person in await _people(row):
        until = emails.date_in(row.ends_at, person.locale)
        known: dict[str, Any] = {"plan": plan.name, "until": until, "link": settings().address("")}
        if event.trial:
            known["amount"] = _said(following.total if following else 0, price.currency, person)
        kind = "trial_ending" if event.trial else "subscription_expiring"
        await emails.to_person(person, event, kind, await _seller(event), **known)


async def _people(deal: Invoice | Subscription) -> list[User]:
    if deal.customer_kind is CustomerKind.ORGANIZATION:
        return await members.holders(Actor.platform(deal.customer_id), Permission.BILLING_MANAGE)
    return await User.select(PLATFORM, {"_id": deal.customer_id})


async def _invoice(event: OfInvoice) -> Invoice | None:
    return await Invoice.lookup(Actor.platform(event.actor.organization_id), _id=event.invoice)


async def _subscription(event: OfInvoice | SubscriptionEnding) -> tuple[Subscription | None, Plan | None]:
    seller = Actor.platform(event.actor.organization_id)
    row = await Subscription.lookup(seller, _id=event.subscription)
    return row, await Plan.lookup(seller, _id=row.plan_id) if row else None


async def _seller(event: Event) -> Organization | None:
    """Who sells, if it is not the platform."""
    return await Organization.lookup(PLATFORM, _id=event.actor.organization_id)


def _said(amount: int, currency: str, person: User) -> str:
    return Money(amount, currency).said(language(person.locale))


def _link(invoice: Invoice) -> str:
    """Where an invoice is paid."""
    return settings().address(f"invoices/Invoice_{invoice.id}")

"""Who is told of allowances, invoices, payments and subscriptions: the person who buys, or who manages an
organization's bills. But for allowances each has an e-mail of its own (`services.billing.notices`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from babel.dates import format_date
from bson import ObjectId

from app.core.actor import Actor
from app.core.money import Money
from app.core.words import negotiated, sentence
from app.models import (
    PLATFORM_ID,
    CustomerKind,
    Invoice,
    InvoiceCause,
    InvoiceState,
    Notification,
    NotificationKind,
    Organization,
    Payment,
    Permission,
    Plan,
    Subscription,
    User,
)
from app.models.billing.events import (
    CollectionFailed,
    InvoiceIssued,
    InvoiceOverdue,
    InvoiceOverpaid,
    InvoicePaid,
    OfInvoice,
    OfSubscription,
    SubscriptionEnding,
)
from app.models.billing.invoices import AUTHENTICATION_NEEDED, NOT_PAID
from app.models.billing.metering_events import AllowanceReached
from app.models.billing.payment_events import PaymentRefunded
from app.services.notifications.types.declaration import Importance, Notice, NotificationType, Told
from app.services.organizations import members

PLATFORM = Actor.platform()
OWED = (InvoiceState.ISSUED, InvoiceState.OVERDUE)
AboutInvoice = TypeVar("AboutInvoice", bound=OfInvoice)
About = TypeVar("About", bound=OfSubscription)

NEARLY = sentence("{percent} % of the allowance of {feature} at {seller} are used.")
ALL = sentence("The allowance of {feature} at {seller} is used up.")
FAILED = sentence("{amount} for {plan} could not be collected.")
GIVEN_UP = sentence("{amount} for {plan} could not be collected, and is not tried again.")
NEEDED = sentence("Your bank wants to know that it is you who pays {amount} for {plan}.")
REMINDED = sentence("{amount} for {plan} is still to be paid.")
ISSUED = sentence("Invoice {number} over {amount} is due on {date}.")
LATE = sentence("Invoice {number} is overdue: {amount} is to be paid.")
TRIAL = sentence("Your trial of {plan} ends on {date}.")
ENDING = sentence("Your subscription to {plan} ends on {date}.")
RENEWED = sentence("Your subscription to {plan} was renewed until {date}.")
OVERPAID = sentence("You have paid {amount} more than was due for invoice {number}. It pays for what comes next.")
REFUNDED = sentence("{amount} was given back to you.")


class Deal(Protocol):
    """What there are a seller and a customer of."""

    organization_id: ObjectId
    customer_kind: CustomerKind
    customer_id: ObjectId


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is told, and the organization in which they are."""

    person: User
    organization_id: ObjectId

    @property
    def language(self) -> str:
        return negotiated(self.person.locale)

    def amount(self, amount: int, currency: str) -> str:
        return Money(amount, currency).said(self.language)

    def date(self, moment: datetime) -> str:
        return format_date(moment, "long", locale=self.language)


async def _readers(deal: Deal) -> list[Reader]:
    """The person who buys, or who manages the bills of the organization that does."""
    if deal.customer_kind is CustomerKind.ORGANIZATION:
        people = await members.holders(Actor.platform(deal.customer_id), Permission.BILLING_MANAGE)
        return [Reader(person, deal.customer_id) for person in people]
    return [Reader(person, deal.organization_id) for person in await User.select(PLATFORM, {"_id": deal.customer_id})]


async def _reached(told: Sequence[Told[AllowanceReached]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        event, seller = one.event, one.change.organization_id
        assert seller
        say = ALL if event.percent >= 100 else NEARLY
        text = say(percent=event.percent, feature=event.feature, seller=await _name(seller))
        if event.customer_kind == CustomerKind.PERSON.value:
            made.append(Notice(one.change, event.customer, seller, text))
        else:
            people = await members.holders(Actor.platform(event.customer), Permission.BILLING_MANAGE)
            made += [Notice(one.change, person.id, event.customer, text) for person in people]
    return made


async def _failed(told: Sequence[Told[CollectionFailed]]) -> list[Notice]:
    """Of what was tried, or is to be confirmed, or is still to be paid; that it is overdue says why before."""
    made: list[Notice] = []
    for one in told:
        invoice, plan = await _owed(one), await _plan(one)
        if invoice is None or plan is None or (invoice.failure == NOT_PAID and one.event.attempt == 1):
            continue
        say = GIVEN_UP if one.event.last else FAILED
        if invoice.failure in (AUTHENTICATION_NEEDED, NOT_PAID):
            say = NEEDED if invoice.failure == AUTHENTICATION_NEEDED else REMINDED
        for reader in await _readers(invoice):
            text = say(amount=reader.amount(invoice.outstanding, invoice.currency), plan=plan.name)
            made.append(_notice(one, reader, text, invoice))
    return made


async def _issued(told: Sequence[Told[InvoiceIssued]]) -> list[Notice]:
    """Of what is to be paid."""
    made: list[Notice] = []
    for one in told:
        invoice = await _owed(one)
        if invoice is None or invoice.due_at is None:
            continue
        for reader in await _readers(invoice):
            amount, date = reader.amount(invoice.due, invoice.currency), reader.date(invoice.due_at)
            made.append(_notice(one, reader, ISSUED(number=invoice.number, amount=amount, date=date), invoice))
    return made


async def _overdue(told: Sequence[Told[InvoiceOverdue]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        invoice = await _owed(one)
        if invoice is None:
            continue
        for reader in await _readers(invoice):
            amount = reader.amount(invoice.outstanding, invoice.currency)
            made.append(_notice(one, reader, LATE(number=invoice.number, amount=amount), invoice))
    return made


async def _renewed(told: Sequence[Told[InvoicePaid]]) -> list[Notice]:
    """Of a period that has begun and is paid."""
    made: list[Notice] = []
    for one in told:
        invoice, row, plan = await _invoice(one), await _subscription(one), await _plan(one)
        if invoice is None or row is None or plan is None or invoice.cause is not InvoiceCause.RENEWAL:
            continue
        said = [(reader, RENEWED(plan=plan.name, date=reader.date(row.ends_at))) for reader in await _readers(invoice)]
        made += [_notice(one, reader, text, invoice) for reader, text in said]
    return made


async def _ending(told: Sequence[Told[SubscriptionEnding]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        row, plan, say = await _subscription(one), await _plan(one), TRIAL if one.event.trial else ENDING
        if row is None or plan is None:
            continue
        said = [(reader, say(plan=plan.name, date=reader.date(row.ends_at))) for reader in await _readers(row)]
        made += [_notice(one, reader, text) for reader, text in said]
    return made


async def _refunded(told: Sequence[Told[PaymentRefunded]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        payment = await Payment.lookup(_seller(one), _id=one.event.payment)
        for reader in await _readers(payment) if payment else ():
            amount = reader.amount(one.event.amount, one.event.currency)
            made.append(_notice(one, reader, REFUNDED(amount=amount)))
    return made


async def _overpaid(told: Sequence[Told[InvoiceOverpaid]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        invoice = await _invoice(one)
        if invoice is None:
            continue
        for reader in await _readers(invoice):
            amount = reader.amount(one.event.amount, one.event.currency)
            made.append(_notice(one, reader, OVERPAID(amount=amount, number=invoice.number), invoice))
    return made


async def _unpaid(actor: Actor, rows: Sequence[Notification]) -> set[ObjectId]:
    """Those whose invoices are still to be paid."""
    found = await Invoice.by_ids(PLATFORM, {row.invoice_id for row in rows})
    return {row.id for row in rows if (one := found.get(row.invoice_id)) and one.state in OWED}


def _notice(one: Told[Any], reader: Reader, text: str, invoice: Invoice | None = None) -> Notice:
    invoice_id = invoice.id if invoice else None
    return Notice(one.change, reader.person.id, reader.organization_id, text, invoice_id=invoice_id)


def _seller(one: Told[Any]) -> Actor:
    return Actor.platform(one.change.organization_id)


async def _invoice(one: Told[AboutInvoice]) -> Invoice | None:
    return await Invoice.lookup(_seller(one), _id=one.event.invoice)


async def _owed(one: Told[AboutInvoice]) -> Invoice | None:
    """The invoice, if it is still to be paid."""
    invoice = await _invoice(one)
    return invoice if invoice is not None and invoice.state in OWED and invoice.outstanding else None


async def _subscription(one: Told[About]) -> Subscription | None:
    return await Subscription.lookup(_seller(one), _id=one.event.subscription)


async def _plan(one: Told[About]) -> Plan | None:
    row = await _subscription(one)
    return await Plan.lookup(_seller(one), _id=row.plan_id) if row else None


async def _name(seller: ObjectId) -> str:
    if seller == PLATFORM_ID:
        return "Atrium"
    row = await Organization.lookup(Actor.platform(seller), _id=seller, fields=frozenset({"name"}))
    return row.name if row else "Atrium"


USAGE = NotificationType(NotificationKind.USAGE, AllowanceReached, _reached, importance=Importance.URGENT)
PAYMENT_FAILED = NotificationType(
    NotificationKind.PAYMENT_FAILED, CollectionFailed, _failed, mailed=True, stands=_unpaid
)
INVOICE = NotificationType(NotificationKind.INVOICE, InvoiceIssued, _issued, mailed=True, stands=_unpaid)
INVOICE_OVERDUE = NotificationType(
    NotificationKind.INVOICE_OVERDUE, InvoiceOverdue, _overdue, mailed=True, stands=_unpaid
)
SUBSCRIPTION_RENEWED = NotificationType(NotificationKind.SUBSCRIPTION_RENEWED, InvoicePaid, _renewed, mailed=True)
SUBSCRIPTION_ENDING = NotificationType(NotificationKind.SUBSCRIPTION_ENDING, SubscriptionEnding, _ending, mailed=True)
OVERPAID_INVOICE = NotificationType(NotificationKind.OVERPAID, InvoiceOverpaid, _overpaid)
REFUND = NotificationType(NotificationKind.REFUND, PaymentRefunded, _refunded)

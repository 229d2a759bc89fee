"""Invoices: made in grace, in which late usage still counts, then issued with a number and never edited again."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from bson import ObjectId

from app.core import changes, commands
from app.core.actor import Actor
from app.core.clock import derived_id, new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, NotFound
from app.core.ledger.turns import turn
from app.core.machines import Machine, Transition, only_platform
from app.core.money import Money
from app.core.paging import Order, Page, PageArgs
from app.core.rows import codec
from app.models import (
    PLATFORM_ID,
    CreditKind,
    CreditOffered,
    Invoice,
    InvoiceCause,
    InvoiceDocument,
    InvoiceItem,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
    LineKind,
    Plan,
    Price,
    Subscription,
)
from app.models.backlogs import work_off
from app.models.billing.events import CollectionDue, InvoiceIssued, InvoicePaid, OfInvoice
from app.services.billing import books, parties
from app.services.billing.books import BALANCE, PREPAID, RECEIVABLE, REVENUE, TAX
from app.services.billing.invoicing import credits, inputs, numbers, pricing
from app.services.billing.invoicing.inputs import Inputs
from app.services.billing.selling import standing

E = TypeVar("E", bound=OfInvoice)

PLATFORM = Actor.platform()
DRAFT, GRACE, ISSUED = InvoiceState.DRAFT, InvoiceState.GRACE, InvoiceState.ISSUED
PAID, OVERDUE, VOID = InvoiceState.PAID, InvoiceState.OVERDUE, InvoiceState.VOID
OPEN = (ISSUED, OVERDUE)
LATE_USAGE = timedelta(hours=1)
"""For how long usage that comes late is still billed with its period."""
CLOSING = Order(("closes_at", "_id"), descending=False)

INVOICE = Machine(
    Transition("close", frozenset({DRAFT}), GRACE, only_platform),
    Transition("issue", frozenset({DRAFT, GRACE}), ISSUED, parties.selling),
    Transition("pay", frozenset({ISSUED, OVERDUE}), PAID, only_platform),
    Transition("fall_due", frozenset({ISSUED}), OVERDUE, only_platform),
    Transition("reopen", frozenset({PAID}), OVERDUE, only_platform),
    Transition("void", frozenset({DRAFT, GRACE, ISSUED, OVERDUE}), VOID, parties.selling),
)


class InvoiceAction(Command):
    """An invoice."""

    invoice_id: Annotated[ObjectId, Ref("Invoice")]


def reference(invoice_id: ObjectId) -> str:
    """What payments name an invoice by."""
    return f"Invoice_{invoice_id}"


def named(reference: str) -> ObjectId | None:
    """The invoice that a payment is for; None for what is paid for otherwise."""
    return commands.named(reference, "Invoice")


async def find(actor: Actor, id: ObjectId) -> Invoice | None:
    """One that the actor may see: of what they buy, or of what they sell."""
    row = await Invoice.lookup(PLATFORM, _id=id)
    return row if row is not None and parties.sees(actor, row) else None


async def require(actor: Actor, id: ObjectId) -> Invoice:
    """Raises NotFound, for what the actor may not see too."""
    row = await find(actor, id)
    if row is None:
        raise NotFound("There is no such {kind}.", kind="Invoice", path=["input", "invoiceId"])
    return row


async def newest(actor: Actor, page: PageArgs, state: InvoiceState | None = None) -> Page[Invoice]:
    """What the organization has invoiced, the newest first."""
    return await Invoice.page(actor, page, {"state": state.value} if state else None)


async def of_platform(page: PageArgs, state: InvoiceState | None = None) -> Page[Invoice]:
    """What the platform has invoiced, the newest first."""
    return await newest(Actor.platform(PLATFORM_ID), page, state)


async def mine(actor: Actor, page: PageArgs) -> Page[Invoice]:
    """What the actor was invoiced, by whomever; not before it is issued."""
    shown = {"state": {"$nin": [DRAFT.value, GRACE.value]}}
    return await Invoice.page(PLATFORM, page, {**parties.own(actor), **shown})


@changes.atomic
async def make(
    actor: Actor,
    subscription: Subscription,
    plan: Plan,
    price: Price,
    items: Sequence[InvoiceItem],
    cause: InvoiceCause,
    moment: datetime,
) -> Invoice | None:
    """Make an invoice: that of a renewal is issued after LATE_USAGE, every other at once. None over nothing."""
    made = InvoiceDocument(
        id=new_id(),
        organization_id=subscription.organization_id,
        customer_kind=subscription.customer_kind,
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        currency=price.currency,
        cause=cause,
        items=list(items),
        time_zone=subscription.time_zone,
        proration=plan.proration.value,
        automatic=subscription.collection_method.value == "automatic",
        payment_days=plan.payment_days,
        created_at=moment,
        changed_at=moment,
    )
    read, waits = await inputs.gather(made, moment), cause is InvoiceCause.RENEWAL
    bill = read.bill()
    open = waits and any(item.kind is LineKind.OVERAGE for item in items)
    if not open and not any(line.amount for line in bill.lines):
        return None
    await changes.insert(made)
    if not waits:
        return await _issue(actor, made, moment)
    seller = Actor.platform(made.organization_id)
    set = {"closes_at": moment + LATE_USAGE, "tax": _plain(read.tax), **_sums(made, bill)}
    return await INVOICE.move(seller, made, "close", where=of(made), **set)


@changes.atomic
async def issue(actor: Actor, given: InvoiceAction) -> Invoice:
    """Issue an invoice before its grace is over. Raises NotFound, Forbidden or IllegalTransition."""
    invoice = await require(actor, given.invoice_id)
    INVOICE.check(actor, invoice, "issue")
    return await _issue(parties.acting(actor, invoice), invoice, now())


async def issue_due(moment: datetime, seller: Actor = PLATFORM) -> int:
    """Issue those whose grace is over, of one seller or of all, and answer how many there were."""

    async def one(invoice: Invoice) -> None:
        async with turn(invoice.organization_id):
            await issue_one(invoice)

    where = {"state": GRACE.value, "closes_at": {"$lte": moment}}
    return await work_off(Invoice, seller, where, CLOSING, one)


@changes.atomic
async def issue_one(seen: Invoice) -> bool:
    """Issue an invoice as of when its grace was over; False when somebody else was faster."""
    seller = Actor.platform(seen.organization_id)
    invoice = await Invoice.lookup(seller, _id=seen.id, state=GRACE.value)
    if invoice is None or invoice.closes_at is None:
        return False
    await _issue(seller, invoice, invoice.closes_at)
    return True


async def _issue(actor: Actor, invoice: Invoice, moment: datetime) -> Invoice:
    """Number, book and tell an invoice, as it comes to at this moment."""
    seller = Actor.platform(invoice.organization_id)
    read = await inputs.gather(invoice, moment)
    bill = read.bill()
    for credit, amount in bill.used.items():
        await credits.use(seller, credit, amount)
    if bill.carried:
        kept, id = Money(bill.carried, invoice.currency), derived_id(invoice.id, "carried")
        who = invoice.customer_kind, invoice.customer_id
        await credits.keep(seller, CreditKind.PREPAID, *who, kept, "Carried over from an invoice.", id=id)
    await inputs.close(invoice)
    number = await numbers.take(seller, numbers.INVOICES)
    await post(invoice, f"issued:{invoice.id}", "invoice", moved(bill))
    issued = await INVOICE.move(
        seller,
        invoice,
        "issue",
        told(InvoiceIssued, actor, invoice),
        where=of(invoice),
        number=number,
        items=[_plain(item) for item in read.items],
        credits=[_plain(one) for one in read.credits],
        tax=_plain(read.tax),
        digest=fingerprint(invoice, read, bill),
        issued_at=moment,
        due_at=moment + timedelta(days=invoice.payment_days),
        **_sums(invoice, bill),
    )
    if not issued.due:
        return await settled(seller, issued, moment)
    return await ask(issued, moment) if issued.automatic else issued


async def ask(invoice: Invoice, moment: datetime) -> Invoice:
    """Let an invoice be charged; the vendor is called by the job that this causes."""
    heard = told(CollectionDue, Actor.platform(invoice.organization_id), invoice, attempt=invoice.attempts + 1)
    where = {**of(invoice), "attempts": invoice.attempts}
    asked = await changes.change(Invoice, where, {"$set": {"next_attempt_at": None, "changed_at": moment}}, heard)
    if asked is None:
        raise Conflict("Somebody else changed it first: look again.")
    return asked


def verify(invoice: Invoice, prices: Mapping[ObjectId, Price]) -> bool:
    """Whether an issued invoice, worked out again from what is in it, comes to what it says and to the same digest."""
    if not invoice.digest or invoice.tax is None:
        return False
    read = Inputs(invoice.items, prices, invoice.credits, invoice.tax, inputs.terms(invoice))
    bill = read.bill()
    same = all(getattr(invoice, name) == value for name, value in _sums(invoice, bill, plain=False).items())
    return same and fingerprint(invoice, read, bill) == invoice.digest


def fingerprint(invoice: Invoice, read: Inputs, bill: pricing.Bill) -> bytes:
    """The digest of what an invoice follows from and comes to."""
    return pricing.digest(
        invoice.id,
        invoice.organization_id,
        invoice.customer_id,
        invoice.subscription_id,
        invoice.currency,
        invoice.time_zone,
        invoice.proration,
        read.items,
        read.credits,
        read.tax,
        bill.lines,
        [bill.subtotal, bill.net, bill.tax, bill.total, bill.due],
    )


async def settled(actor: Actor, invoice: Invoice, moment: datetime) -> Invoice:
    """Nothing of it is left to pay."""
    heard, where = told(InvoicePaid, actor, invoice), of(invoice)
    set = {"paid_at": moment, "next_attempt_at": None}
    paid = await INVOICE.move(Actor.platform(invoice.organization_id), invoice, "pay", heard, where=where, **set)
    await standing.paid(paid, moment)
    return paid


async def post(invoice: Invoice, key: str, kind: str, sums: Mapping[str, int]) -> None:
    """Book something that concerns an invoice."""
    seller = Actor.platform(invoice.organization_id)
    await books.post(seller, key, kind, reference(invoice.id), invoice.customer_id, invoice.currency, sums)


def told(kind: type[E], actor: Actor, invoice: Invoice, **said: Any) -> E:
    """An event of an invoice."""
    subscription, customer = invoice.subscription_id, invoice.customer_id
    who = parties.acting(actor, invoice)
    return kind(who, invoice=invoice.id, subscription=subscription, customer=customer, **said)


def moved(bill: pricing.Bill) -> dict[str, int]:
    """What an invoice moves in the book; it sums to zero, for `due` is what is left of all the rest."""
    prepaid, balance = bill.by_kind[CreditKind.PREPAID], bill.by_kind[CreditKind.BALANCE]
    return {
        RECEIVABLE: -bill.due,
        PREPAID: bill.carried - prepaid,
        BALANCE: -balance,
        REVENUE: bill.subtotal - bill.by_kind[CreditKind.PROMOTIONAL],
        TAX: bill.tax,
    }


def _sums(invoice: Invoice, bill: pricing.Bill, *, plain: bool = True) -> dict[str, Any]:
    lines = [_plain(line) for line in bill.lines] if plain else bill.lines
    return {
        "lines": lines,
        "subtotal": bill.subtotal,
        "net": bill.net,
        "tax_amount": bill.tax,
        "total": bill.total,
        "due": bill.due,
    }


_ENCODED = {kind: codec(kind)[0] for kind in (InvoiceItem, InvoiceLine, CreditOffered, InvoiceTax)}


def _plain(value: InvoiceItem | InvoiceLine | CreditOffered | InvoiceTax) -> Any:
    """A value as MongoDB holds it."""
    return _ENCODED[type(value)](value)


def of(invoice: Invoice) -> dict[str, Any]:
    return Invoice.within(Actor.platform(invoice.organization_id), _id=invoice.id)

"""What becomes of issued invoices: paid, paid back, disputed, voided or taken back by credit notes."""

from datetime import datetime
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import derived_id, new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.ledger.turns import in_turn
from app.core.money import Minor, Money
from app.models import (
    Credit,
    CreditKind,
    CreditNote,
    CreditNoteDocument,
    Invoice,
    Payment,
    PaymentDifferenceKind,
    PaymentWay,
)
from app.models.billing.events import CreditNoteIssued, InvoiceOverdue, InvoiceOverpaid, InvoiceVoided
from app.models.billing.payment_events import RefundFailed
from app.services.billing import parties
from app.services.billing.books import BALANCE, CLEARING, RECEIVABLE, REVENUE, TAX
from app.services.billing.invoicing import credits, inputs, invoices, notes, numbers, pricing
from app.services.billing.invoicing.invoices import DRAFT, GRACE, INVOICE, OPEN, PAID, VOID, InvoiceAction
from app.services.billing.paying import differences
from app.services.billing.paying.differences import Whose
from app.services.billing.selling import standing

LONGEST = 200


class PartlyPaid(Conflict):
    """Something of it was paid, credited or carried over: a credit note takes the rest back."""

    code = "PARTLY_PAID"


class NotIssued(Conflict):
    """It was not issued, or does not hold any more."""

    code = "INVOICE_NOT_OPEN"


class TooMuch(Invalid):
    """There is not so much to take back."""

    code = "MORE_THAN_INVOICED"


class NewCreditNote(Command):
    """That a part of an invoice is taken back, or all that is left of it."""

    invoice_id: Annotated[ObjectId, Ref("Invoice")]
    amount: Annotated[
        Minor | None, Field(gt=0, description="In minor units, with tax; all that was not credited yet if left out.")
    ] = None
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST)]


@in_turn
async def apply(seller: Actor, invoice_id: ObjectId, payment_id: ObjectId, amount: Money, moment: datetime) -> Invoice:
    """A payment for an invoice has arrived; repeating it does nothing. What is too much is kept as the customer's.

    Raises NotFound, or CurrencyMismatch for money of another kind.
    """
    invoice = await _require(seller, invoice_id)
    Money(0, invoice.currency) + amount
    key = f"applied:{payment_id}"
    if payment_id in invoice.payment_ids:
        return invoice
    owed = invoice.outstanding if invoice.state in OPEN else 0
    taken, beyond = min(owed, amount.amount), max(amount.amount - owed, 0)
    sums = {CLEARING: -amount.amount, RECEIVABLE: taken, BALANCE: beyond}
    await invoices.post(invoice, key, "payment", sums)
    heard = [await _overpaid(seller, invoice, payment_id, beyond)] if beyond else []
    modifiers = {"$inc": {"paid": taken}, "$push": {"payment_ids": payment_id}, "$set": {"changed_at": moment}}
    changed = await changes.change(Invoice, invoices.of(invoice), modifiers, *heard)
    assert changed, "the scope read it in the same snapshot"
    open = changed.state in OPEN and not changed.outstanding
    return await invoices.settled(seller, changed, moment) if open else changed


@in_turn
async def take_back(
    seller: Actor, invoice_id: ObjectId, payment_id: ObjectId, dispute_id: ObjectId, amount: Money, moment: datetime
) -> Invoice:
    """The customer's bank has taken a payment back: it is owed again, but for what it had brought beyond what was due.
    Repeating it does nothing.
    """
    invoice = await _require(seller, invoice_id)
    if dispute_id in invoice.payment_ids:
        return invoice
    own = await _surplus(seller, payment_id, amount)
    beyond = max(amount.amount - invoice.paid, own)  # that was kept as a balance, if it is still there
    missing = await _take(seller, invoice, payment_id, own, beyond)
    owed = amount.amount - beyond + missing
    sums = {CLEARING: amount.amount, RECEIVABLE: -owed, BALANCE: missing - beyond}
    await invoices.post(invoice, f"disputed:{dispute_id}", "dispute", sums)
    return await _owed_again(seller, invoice, owed, dispute_id, moment)


@changes.atomic
async def credit(actor: Actor, given: NewCreditNote) -> CreditNote:
    """Take back a part of an issued invoice. What was not paid yet need not be; the rest is the customer's balance.

    Raises NotFound, Forbidden, NotIssued or TooMuch.
    """
    invoice = await invoices.require(actor, given.invoice_id)
    if reason := parties.selling(actor, invoice):
        raise Forbidden(reason)
    amount = invoice.total - invoice.credited if given.amount is None else given.amount
    return await note(actor, invoice, amount, given.reason, now())


@in_turn
async def refunded(
    seller: Actor, invoice_id: ObjectId, payment_id: ObjectId, refund_id: ObjectId, amount: Money, moment: datetime
) -> CreditNote | None:
    """Money for an invoice was given back: a credit note says so. None if that is known, was credited before, or is
    what the payment had brought beyond what was due: then it pays off the customer's balance.
    """
    invoice = await _require(seller, invoice_id)
    if refund_id in invoice.payment_ids:
        return None
    own = await _surplus(seller, payment_id, amount)
    fresh = min(amount.amount - own, invoice.total - invoice.credited, invoice.paid)
    beyond = amount.amount - fresh
    if beyond:  # or a credit note came before: what it has left to the customer is paid out
        missing = await _take(seller, invoice, payment_id, own, beyond)
        sums = {BALANCE: missing - beyond, CLEARING: beyond, RECEIVABLE: -missing}
        await invoices.post(invoice, f"refunded:{refund_id}:balance", "refund", sums)
        invoice = await _owed_again(seller, invoice, missing, refund_id, moment)
    if not fresh:
        return None
    key = f"refunded:{refund_id}"
    made = await note(seller, invoice, fresh, "Refunded.", moment, into=CLEARING, key=key)
    await changes.change(Invoice, invoices.of(invoice), {"$addToSet": {"payment_ids": refund_id}})
    return made


@in_turn
async def came_back(seller: Actor, invoice_id: ObjectId, event: RefundFailed) -> None:
    """A bank has sent a refund back: what was credited for it is the customer's balance. Repeating it does nothing."""
    invoice = await _require(seller, invoice_id)
    if await Credit.lookup(seller, _id=_balance_of(event.refund)) is not None:
        return
    await invoices.post(invoice, f"returned:{event.refund}", "refund", {CLEARING: -event.amount, BALANCE: event.amount})
    await _owe(seller, invoice, event.amount, "A refund that came back.", event.refund)
    said = {"payment": event.payment, "amount": event.amount, "currency": event.currency}
    changes.emit(invoices.told(InvoiceOverpaid, seller, invoice, **said))


async def note(
    actor: Actor,
    invoice: Invoice,
    amount: int,
    reason: str,
    moment: datetime,
    *,
    into: str = BALANCE,
    key: str | None = None,
) -> CreditNote:
    """Write a credit note, in a scope: of its tax as much as of its amount. Raises NotIssued or TooMuch."""
    if invoice.state in (DRAFT, GRACE, VOID):
        raise NotIssued("This invoice is {state}.", state=invoice.state.value, path=["input", "invoiceId"])
    if not 0 < amount <= invoice.total - invoice.credited:
        left = invoice.total - invoice.credited
        raise TooMuch("There is no more than {left} to take back.", left=left, path=["input", "amount"])
    seller, id = Actor.platform(invoice.organization_id), new_id()
    owed = pricing.taxes(invoice.net, invoice.tax)
    taxes = pricing.taken_back(owed, invoice.total, invoice.credited, invoice.credited + amount)
    tax = sum(one.amount for one in taxes)
    unpaid = min(invoice.outstanding, amount) if into is BALANCE else 0
    sums = {REVENUE: tax - amount, TAX: -tax, RECEIVABLE: unpaid}
    sums[into] = amount - unpaid
    await invoices.post(invoice, key or f"credited:{id}", "credit_note", sums)
    if into is BALANCE and amount > unpaid:
        await _owe(seller, invoice, amount - unpaid, reason, id)
    number = await numbers.take(seller, numbers.CREDIT_NOTES)
    made = CreditNoteDocument(
        id=id,
        organization_id=invoice.organization_id,
        invoice_id=invoice.id,
        number=number,
        currency=invoice.currency,
        amount=amount,
        net=amount - tax,
        tax_amount=tax,
        taxes=taxes,
        reason=reason,
        digest=b"",
        created_at=moment,
    )
    made.digest = notes.fingerprint(made, invoice)
    await changes.insert(made, invoices.told(CreditNoteIssued, actor, invoice, note=id))
    counts = {"relieved": unpaid} if into is BALANCE else {"relieved": amount, "paid": -amount}
    counted = {"$inc": {"credited": amount, **counts}, "$set": {"changed_at": moment}}
    changed = await changes.change(Invoice, invoices.of(invoice), counted)
    assert changed, "the scope read it in the same snapshot"
    if changed.state in OPEN and not changed.outstanding:
        await invoices.settled(seller, changed, moment)
    return made


class InvoiceVoiding(InvoiceAction):
    """That an invoice does not hold."""


@changes.atomic
async def void(actor: Actor, given: InvoiceVoiding) -> Invoice:
    """Say that an invoice does not hold: it keeps its number, and nothing is owed for it.

    Raises NotFound, Forbidden, IllegalTransition or PartlyPaid.
    """
    invoice = await invoices.require(actor, given.invoice_id)
    INVOICE.check(actor, invoice, "void")
    return await undo(actor, invoice, now())


async def undo(actor: Actor, invoice: Invoice, moment: datetime) -> Invoice:
    """Void an invoice, in a scope, and give back what credits have paid of it. Raises PartlyPaid."""
    seller = Actor.platform(invoice.organization_id)
    if invoice.paid or invoice.credited:
        raise PartlyPaid("Something of it was paid or credited: make a credit note over the rest.")
    if invoice.state in OPEN:
        assert invoice.tax
        prices = await inputs.prices_of(seller, invoice.items)
        read = inputs.Inputs(invoice.items, prices, invoice.credits, invoice.tax, inputs.terms(invoice))
        bill = read.bill()
        if bill.carried:
            raise PartlyPaid("Something of it was carried over: make a credit note over the rest.")
        for id, amount in bill.used.items():
            await credits.use(seller, id, -amount)
        sums = {code: -amount for code, amount in invoices.moved(bill).items()}
        await invoices.post(invoice, f"voided:{invoice.id}", "void", sums)
    told = invoices.told(InvoiceVoided, actor, invoice)
    set = {"next_attempt_at": None, "closes_at": None}
    return await INVOICE.move(seller, invoice, "void", told, where=invoices.of(invoice), **set)


async def _require(seller: Actor, id: ObjectId) -> Invoice:
    invoice = await Invoice.lookup(seller, _id=id)
    if invoice is None:
        raise NotFound("There is no such {kind}.", kind="Invoice")
    return invoice


async def _owe(seller: Actor, invoice: Invoice, amount: int, why: str, cause: ObjectId) -> None:
    """Let the customer have a balance."""
    owed, id = Money(amount, invoice.currency), _balance_of(cause)
    await credits.keep(seller, CreditKind.BALANCE, invoice.customer_kind, invoice.customer_id, owed, why, id=id)


async def _overpaid(seller: Actor, invoice: Invoice, payment_id: ObjectId, amount: int) -> InvoiceOverpaid:
    """Let the customer have what is too much; staff sees what a provider was paid."""
    await _owe(seller, invoice, amount, "Paid beyond what was due.", payment_id)
    payment = await Payment.lookup(seller, _id=payment_id)
    if payment is not None and payment.way is not PaymentWay.RECEIPT:
        subject, whose = f"Payment_{payment_id}", Whose(seller.organization_id, payment_id)
        what = f"{amount} {invoice.currency} more than was due for Invoice_{invoice.id}"
        await differences.note(payment.provider, PaymentDifferenceKind.PAID_TWICE, subject, whose, what)
    said = {"payment": payment_id, "amount": amount, "currency": invoice.currency}
    return invoices.told(InvoiceOverpaid, seller, invoice, **said)


async def _surplus(seller: Actor, payment_id: ObjectId, amount: Money) -> int:
    """How much of what a payment has brought beyond what was due, and of this amount, the customer still has."""
    kept = await Credit.lookup(seller, _id=_balance_of(payment_id))
    return min(kept.left, amount.amount) if kept else 0


async def _take(seller: Actor, invoice: Invoice, payment_id: ObjectId, own: int, amount: int) -> int:
    """Take so much of the customer's balance, first `own` of what a payment has left, and answer how much there was
    not.
    """
    if own:
        await credits.use(seller, _balance_of(payment_id), own)
    rest = Money(amount - own, invoice.currency)
    return await credits.take(seller, CreditKind.BALANCE, invoice.customer_id, rest)


def _balance_of(cause: ObjectId) -> ObjectId:
    """The credit that a payment or a credit note has left to the customer."""
    return derived_id(cause, "balance")


async def _owed_again(seller: Actor, invoice: Invoice, amount: int, cause: ObjectId, moment: datetime) -> Invoice:
    """So much of what was paid is owed again."""
    modifiers = {"$inc": {"paid": -amount}, "$push": {"payment_ids": cause}, "$set": {"changed_at": moment}}
    changed = await changes.change(Invoice, invoices.of(invoice), modifiers)
    assert changed, "the scope read it in the same snapshot"
    if changed.state is not PAID or not changed.outstanding:
        return changed
    told = invoices.told(InvoiceOverdue, seller, changed)
    reopened = await INVOICE.move(seller, changed, "reopen", told, where=invoices.of(changed), paid_at=None)
    await standing.behind(reopened, moment)
    return reopened

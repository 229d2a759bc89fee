"""How invoices get paid: by charging the customer's default method, on a page where they pay, or as staff notes."""

from typing import Annotated, Any

from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.errors import Conflict, Forbidden
from app.core.money import MOST, Minor, Money
from app.models import Invoice, Payment, PaymentState, PaymentWay
from app.models.billing.events import CollectionDue
from app.services.billing import parties
from app.services.billing.collecting import collection, waiting
from app.services.billing.invoicing import dues, invoices
from app.services.billing.invoicing.invoices import InvoiceAction
from app.services.billing.paying import payments, providers
from app.services.billing.paying.checkouts import Address, CheckoutBegun, NotPayable, check_address
from app.services.billing.paying.payments import NewCharge, NewCheckout, NewReceipt
from app.services.billing.paying.receipts import By, External

MOST_GIVEN_UP = 10_000


class NothingDue(Conflict):
    """Nothing of this invoice is to be paid."""

    code = "NOTHING_DUE"


class InvoicePayment(InvoiceAction):
    """An invoice that is to be paid on a page, and where the browser comes back to."""

    success_url: Address
    cancel_url: Address
    save_method: Annotated[
        bool | None,
        Field(description="Whether the method is kept for the invoices to come; where it can be, if left out."),
    ] = None
    provider: providers.By = None


class InvoiceReceipt(InvoiceAction):
    """That an invoice was paid by bank transfer or in cash; the same key is the same payment."""

    key: Annotated[str, Field(min_length=1, max_length=100)]
    provider: By
    amount: Annotated[Minor, Field(gt=0, le=MOST, description="In minor units of the invoice's currency.")]
    external_reference: External = ""


async def charge(event: CollectionDue) -> None:
    """Let the customer's default method be charged, unless the invoice is paid or given up by now."""
    seller = Actor.platform(event.actor.organization_id)
    invoice = await Invoice.lookup(seller, _id=event.invoice, attempts=event.attempt - 1)
    if invoice is None or invoice.state not in invoices.OPEN or not invoice.outstanding:
        return
    reference = invoices.reference(invoice.id)
    over = {"way": PaymentWay.CHARGE.value, "state": PaymentState.CANCELLED.value}
    given_up = await Payment.tally(seller, {"reference": reference, **over}, cap=MOST_GIVEN_UP)
    key = collection.key(invoice.id, event.attempt, given_up)
    await payments.charge(seller, NewCharge(key=key, **_order(invoice)))


async def pay(actor: Actor, given: InvoicePayment) -> CheckoutBegun:
    """A page on which the customer pays what is outstanding. Raises NotFound, Forbidden, NothingDue, UnderWay and what
    `payments.begin_checkout` does.
    """
    for name, url in (("successUrl", given.success_url), ("cancelUrl", given.cancel_url)):
        check_address(url, name)
    invoice = await invoices.require(actor, given.invoice_id)
    if not parties.buys(actor, invoice):
        raise Forbidden("Only the customer may do this.")
    if invoice.state not in invoices.OPEN or not invoice.outstanding:
        raise NothingDue("Nothing of this invoice is to be paid.", path=["input", "invoiceId"])
    if not changes.rehearsing():
        await waiting.make_way(invoice)
    provider = providers.chosen(given.provider)
    saves = providers.PROVIDERS[provider].PAGES_SAVE if given.save_method is None else given.save_method
    new = NewCheckout(
        key=f"{collection.KIND}:{invoice.id}:page:{new_id()}",
        success_url=given.success_url,
        cancel_url=given.cancel_url,
        save_method=saves,
        provider=given.provider,
        **_order(invoice),
    )
    try:
        begun = await payments.begin_checkout(parties.acting(actor, invoice), new)
    except NotPayable:  # it was closed for another page before it was there
        raise waiting.under_way() from None
    if not changes.rehearsing():
        await changes.apart(lambda: waiting.keep_only(begun.payment))
    return begun


async def note(actor: Actor, given: InvoiceReceipt) -> Payment:
    """Note that money for an invoice has come in. Raises NotFound, Forbidden, dues.NotIssued or KeyReused."""
    invoice = await invoices.require(actor, given.invoice_id)
    if reason := parties.selling(actor, invoice):
        raise Forbidden(reason)
    if invoice.number is None:
        raise dues.NotIssued("This invoice is {state}.", state=invoice.state.value, path=["input", "invoiceId"])
    receipt = NewReceipt(
        key=f"{collection.KIND}:{invoice.id}:{given.key}",
        provider=given.provider,
        external_reference=given.external_reference,
        customer_kind=invoice.customer_kind,
        customer_id=invoice.customer_id,
        amount=Money(given.amount, invoice.currency),
        reference=invoices.reference(invoice.id),
    )
    return await payments.record(parties.acting(actor, invoice), receipt)


def _order(invoice: Invoice) -> dict[str, Any]:
    return {
        "customer_kind": invoice.customer_kind,
        "customer_id": invoice.customer_id,
        "amount": Money(invoice.outstanding, invoice.currency),
        "reference": invoices.reference(invoice.id),
        "description": invoice.number or "",
    }

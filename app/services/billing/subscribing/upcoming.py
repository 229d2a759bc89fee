"""What the next invoice will be, worked out by what will issue it: from the same items, and what is known now."""

from dataclasses import dataclass
from datetime import datetime

from app.core.actor import Actor
from app.core.rows import Value
from app.models import Invoice, InvoiceLine, InvoiceState, InvoiceTax, Plan, Price, Subscription, TaxAmount
from app.services.billing.invoicing import inputs, items
from app.services.billing.invoicing.inputs import Inputs
from app.services.billing.selling.lifecycle import ACTIVE, TRIALING
from app.services.billing.subscribing import expiry


@dataclass(slots=True)
class Upcoming(Value):
    """An invoice as it would be issued at a moment, if nothing changed until then; amounts as those of `Invoice`."""

    at: datetime
    currency: str
    lines: list[InvoiceLine]
    tax: InvoiceTax
    subtotal: int
    net: int
    tax_amount: int
    taxes: list[TaxAmount]
    total: int
    due: int


async def of(row: Subscription) -> Upcoming | None:
    """What a subscription is billed when its period ends; None when nothing will be."""
    if row.state not in (ACTIVE, TRIALING):
        return None
    seller = Actor.platform(row.organization_id)
    if row.cancels or (row.state is ACTIVE and not row.renews):
        price = await Price.require(seller, row.price_id)
        plan = await Plan.require(seller, row.plan_id)
        billed = [] if row.state is TRIALING else items.final(row, price, row.ends_at)
    else:
        plan, old, price, seats, period = await expiry.following(row)
        billed = expiry.billed(row, plan, old, price, seats, period)
    if not billed:
        return None
    read = await inputs.gather(items.basis(row, plan, price, billed), row.ends_at)
    return _shown(row.ends_at, price.currency, read)


async def of_invoice(invoice: Invoice) -> Upcoming | None:
    """What an invoice in grace would be issued as; None for one that is not in grace."""
    if invoice.state is not InvoiceState.GRACE or invoice.closes_at is None:
        return None
    read = await inputs.gather(invoice, invoice.closes_at)
    return _shown(invoice.closes_at, invoice.currency, read)


def _shown(at: datetime, currency: str, read: Inputs) -> Upcoming:
    bill = read.bill()
    sums = bill.subtotal, bill.net, bill.tax, bill.taxes, bill.total, bill.due
    return Upcoming(at, currency, bill.lines, read.tax, *sums)

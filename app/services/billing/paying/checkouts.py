"""Paying on the provider's page: a payment gets one page, whose address nobody has before it is known which it is."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Invalid
from app.core.rows import Value
from app.core.settings import settings
from app.integrations.payments import PageSeen, Stage
from app.models import OPEN_PAYMENTS, CustomerKind, Payment, PaymentState, PaymentWay, Provider
from app.models.billing.payment_events import PaymentMoved
from app.services.billing.paying import claims, customers, providers, settlement
from app.services.billing.paying.customers import Customer


class NotPayable(Conflict):
    """It is paid, or will not be any more."""

    code = "NOT_PAYABLE"


class PaidElsewhere(Conflict):
    """There is a page for it at another provider: two could both be paid on."""

    code = "PAGE_ELSEWHERE"


Address = Annotated[str, Field(max_length=2_000, description="A page of an origin of ours.")]


class CheckoutBeginning(Command):
    """A payment that is asked for, and where the browser comes back to."""

    payment_id: Annotated[ObjectId, Ref("Payment")]
    customer_kind: CustomerKind = CustomerKind.PERSON
    success_url: Address
    cancel_url: Address
    provider: Annotated[
        Provider | None, Field(description="That which the payment is asked for by, if it is left out.")
    ] = None


@dataclass(slots=True)
class CheckoutBegun(Value):
    """A payment, and the page on which the customer makes it; no page in a rehearsal."""

    payment: Payment
    url: str | None


async def begin(actor: Actor, given: CheckoutBeginning) -> CheckoutBegun:
    """Let a customer make a payment that they were asked for.

    Raises NotFound, Forbidden, NotPayable, PaidElsewhere, Invalid for pages that are not ours, PaymentRefused and
    Unavailable.
    """
    for name, url in (("successUrl", given.success_url), ("cancelUrl", given.cancel_url)):
        check_address(url, name)
    customer = customers.buying(actor, given.customer_kind)
    row = await Payment.require(customer.seller, given.payment_id, **customer.where)
    if row.way is not PaymentWay.CHECKOUT:
        raise NotPayable("This is not paid on a page.", path=["input", "paymentId"])
    if given.provider not in (None, row.provider):
        row = await _moved(customer.seller, row, providers.chosen(given.provider))
    return await open_page(customer, row, given.success_url, given.cancel_url)


async def _moved(seller: Actor, row: Payment, to: Provider) -> Payment:
    """The payment, to be made at another provider: none knows it yet."""
    providers.check_saving(to, wanted=row.saves_method)
    where = Payment.within(seller, _id=row.id, page_ref=None, provider_ref=None, state=PaymentState.CREATED.value)
    moved = await changes.change(Payment, where, {"$set": {"provider": to.value, "changed_at": now()}})
    if moved is None:
        raise PaidElsewhere("There is a page of another provider's for this.", path=["input", "provider"])
    return moved


async def open_page(customer: Customer, row: Payment, success_url: str, cancel_url: str) -> CheckoutBegun:
    """The page of a payment, made if there is none yet. Raises NotPayable, PaymentRefused, Unavailable."""
    if row.state not in OPEN_PAYMENTS:
        raise NotPayable("It is {state}.", state=row.state.value)
    providers.offered(row.provider)
    if changes.rehearsing():
        return CheckoutBegun(row, None)
    page, kept = await providers.ask(lambda: _page(customer, row, success_url, cancel_url))
    return CheckoutBegun(kept, page.url)


async def _page(customer: Customer, row: Payment, success_url: str, cancel_url: str) -> tuple[PageSeen, Payment]:
    provider = providers.offered(row.provider)
    if row.page_ref is None:
        order = await customers.order(customer, row)
        made = await provider.page(
            order, success_url, cancel_url, save=row.saves_method, key=_key(row, success_url, cancel_url)
        )
        unmade = {"page_ref": None, "state": PaymentState.CREATED.value, "provider": row.provider.value}
        where = Payment.within(customer.seller, unmade, _id=row.id)
        told = PaymentMoved(customer.seller, payment=row.id, reference=row.reference, state=PaymentState.CREATED.value)
        kept = await changes.change(Payment, where, {"$set": {"page_ref": made.ref, "changed_at": now()}}, told)
        if kept is not None:
            return made, kept
        row = await Payment.require(customer.seller, row.id)
        if row.page_ref != made.ref:
            await provider.close_page(made.ref)
        if row.page_ref is None and row.state is PaymentState.CREATED:  # another provider was chosen meanwhile
            return await _page(customer, row, success_url, cancel_url)
        if row.page_ref is None:
            raise NotPayable("It is {state}.", state=row.state.value)
    return await providers.offered(row.provider).page_seen(row.page_ref), row


def _key(row: Payment, *urls: str) -> str:
    """One for each pair of pages to come back to: a key is good for the same parameters only."""
    return f"{row.id}:{hashlib.sha256(' '.join(urls).encode()).hexdigest()[:16]}"


async def close(seller: Actor, payment_id: ObjectId) -> None:
    """Let a payment that was given up never be made: its page and what it has prepared are closed at the provider."""
    row = await Payment.lookup(seller, _id=payment_id)
    if row is None or row.state not in OPEN_PAYMENTS:
        return
    await look(seller, row, closing=True)


async def look(seller: Actor, row: Payment, *, closing: bool = False) -> None:
    """Ask the provider how a payment is, or let it be made no more, and note what it says."""
    provider, at = providers.offered(row.provider), now()
    if row.way is PaymentWay.CHECKOUT:
        if row.page_ref is not None:
            page = await (provider.close_page if closing else provider.page_seen)(row.page_ref)
            if closing and page.stage in (Stage.OPEN, Stage.APPROVED):  # the provider cannot: it is not taken here
                await settlement.give_up(seller, row.id)
            await observe(seller, row, page, at)
    elif row.provider_ref is not None:
        charges = providers.of(row.provider, providers.CHARGES)
        closes = closing and (charges.REPEATS or await claims.claim(seller, row))
        seen = await (charges.cancel if closes else charges.payment)(row.provider_ref)
        await settlement.observe(row.id, seller, seen, at)


async def observe(seller: Actor, row: Payment, page: PageSeen, at: datetime) -> None:
    """Note how a page of a payment is at its provider, who was asked at this moment, and take what is to be taken."""
    seen = await providers.offered(row.provider).payment(page.payment_ref) if page.payment_ref else None
    if seen is not None and seen.stage is Stage.APPROVED:
        seen = await claims.take(seller, row, seen)
    await settlement.observe_page(seller, row, page, seen, at)


def check_address(url: str, name: str) -> None:
    """Raises Invalid unless it is the address of a page of ours."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if f"{parts.scheme}://{parts.netloc}" not in settings().origins or not url.isprintable():
        raise Invalid("This is no page of ours.", path=["input", name])

"""Charging a customer who is away, by the method that they have saved.

What is to be charged is prepared at the provider first, where no money moves, and kept here; then it is charged. So it
is always known what to ask for when an answer is lost, and the provider charges what it has prepared once.

A provider that would charge again if it was asked again is asked once: who asks, or gives the payment up, has claimed
it before, for ever. What has become of a lost answer is only looked up.
"""

from dataclasses import replace
from datetime import timedelta

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.integrations.payments import Order, PaymentSeen, Refused, Stage
from app.models import OPEN_PAYMENTS, Payment, PaymentWay
from app.models.billing.payment_events import ChargeAsked, PaymentFailed
from app.services.billing import customers, payment_methods, providers, settlement
from app.services.billing.customers import Customer

LOST = timedelta(hours=1)
"""After which a provider that was asked once, and has nothing to show for it, has not heard of it."""
FIRM = 2
"""Attempts that use the payment's own id as the key; a provider that has failed repeats its answer for that key."""


async def charge(asked: ChargeAsked, attempt: int) -> None:
    """Charge what was asked for; again after a failure, once all the same."""
    seller = Actor.platform(asked.actor.organization_id)
    row = await Payment.lookup(seller, _id=asked.payment)
    if row is None or row.state not in OPEN_PAYMENTS:
        return
    if row.provider not in providers.CHARGES:  # the only one that is set up: nothing can have been saved
        await settlement.fail(seller, row, "no_payment_method", hard=True)
        return
    provider = providers.of(row.provider, providers.CHARGES)
    if row.provider_ref is None:
        prepared = await _prepare(seller, row, attempt)
        if prepared is None:
            return
        row = prepared
    assert row.provider_ref
    at = now()
    seen = await provider.payment(row.provider_ref)
    if seen.stage is Stage.OPEN:
        at = now()
        if provider.REPEATS or await claim(seller, row):
            seen = await provider.confirm(row.provider_ref, f"{row.id}:confirm:{attempt}")
        else:
            seen = await _unanswered(seller, row, seen)
    await settlement.observe(row.id, seller, seen, at)
    if seen.stage is Stage.FAILED:
        await provider.cancel(row.provider_ref)  # nobody is to confirm it later: another try is another payment
    if seen.stage is Stage.OPEN:
        raise RuntimeError(f"{seen.ref} was confirmed and is open all the same")


async def take(seller: Actor, row: Payment, seen: PaymentSeen) -> PaymentSeen:
    """Take what a customer has agreed to on a page, unless it was given up, and answer how it is then.

    While `asked_at` is set nobody gives the payment up: it may be taken even though its answer was lost. Whoever asks
    again, takes the claim over; only who has it last, and is told that nothing was taken, lets go of it.
    """
    at = now()
    free = {"$or": [{"asked_at": None}, {"asked_at": {"$lt": at}}]}
    where = Payment.within(seller, free, _id=row.id, state={"$in": [state.value for state in OPEN_PAYMENTS]})
    if await changes.change(Payment, where, {"$set": {"asked_at": at}}) is None:
        return seen
    taken = await providers.of(row.provider, providers.CHARGES).confirm(
        seen.ref, f"{row.id}:take:{int(at.timestamp() * 1000)}"
    )
    if taken.stage not in (Stage.SUCCEEDED, Stage.PROCESSING):
        await changes.change(Payment, Payment.within(seller, _id=row.id, asked_at=at), {"$set": {"asked_at": None}})
    return taken


async def close(failed: PaymentFailed) -> None:
    """Let a charge that has failed while its customer was asked never be made by what the provider keeps of it."""
    row = await Payment.lookup(Actor.platform(failed.actor.organization_id), _id=failed.payment)
    if row is not None and row.way is PaymentWay.CHARGE and row.provider_ref is not None:
        await providers.of(row.provider, providers.CHARGES).cancel(row.provider_ref)


async def claim(seller: Actor, row: Payment) -> bool:
    """Whether this is the one who may have it charged, or close it; nobody may after them."""
    where = Payment.within(seller, _id=row.id, asked_at=None)
    return await changes.change(Payment, where, {"$set": {"asked_at": now()}}) is not None


async def _unanswered(seller: Actor, row: Payment, seen: PaymentSeen) -> PaymentSeen:
    """How a payment is that was asked for before, and of which the provider shows nothing."""
    asked_at = (await Payment.require(seller, row.id)).asked_at
    if asked_at is None or asked_at > now() - LOST:
        return replace(seen, stage=Stage.PROCESSING)
    return replace(seen, stage=Stage.FAILED, code="no_answer")


async def _prepare(seller: Actor, row: Payment, attempt: int) -> Payment | None:
    """The payment with what was prepared at its provider; None for one that has failed."""
    customer = Customer(seller, row.customer_kind, row.customer_id)
    method = await payment_methods.default(customer, row.provider)
    if method is None:
        await settlement.fail(seller, row, "no_payment_method", hard=True)
        return None
    provider = providers.of(row.provider, providers.CHARGES)
    key = str(row.id) if attempt <= FIRM else f"{row.id}:{attempt}"
    try:
        seen = await provider.prepare(await order(customer, row), method.provider_ref, key)
    except Refused as error:
        await settlement.fail(seller, row, error.code, hard=True)
        return None
    return await _keep(seller, row, seen)


async def _keep(seller: Actor, row: Payment, seen: PaymentSeen) -> Payment | None:
    """The payment with what was prepared for it; None for one that was given up meanwhile."""
    open_ = {"state": {"$in": [state.value for state in OPEN_PAYMENTS]}}
    where = Payment.within(seller, open_, _id=row.id, provider_ref=None)
    kept = await changes.change(Payment, where, {"$set": {"provider_ref": seen.ref}})
    row = kept or await Payment.require(seller, row.id)
    if row.provider_ref != seen.ref:
        await providers.of(row.provider, providers.CHARGES).cancel(seen.ref)
    return row if row.state in OPEN_PAYMENTS and row.provider_ref else None


async def order(customer: Customer, row: Payment) -> Order:
    """What the provider is to have paid."""
    return Order(
        amount=row.amount,
        currency=row.currency,
        description=row.description or row.reference,
        labels=customers.labels(row.organization_id, payment=row.id),
        customer_ref=await customers.provider_ref(customer, row.provider),
    )

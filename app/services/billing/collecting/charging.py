"""Charging a customer who is away, by the method that they have saved.

What is to be charged is prepared at the provider first, where no money moves, and kept here; then it is charged. So it
is always known what to ask for when an answer is lost, and the provider charges what it has prepared once. Between the
two, whatever else could pay the same invoice is closed (`waiting`): who pays on a page at that moment is not charged.

A provider that would charge again if it was asked again is asked once (`claims`). What has become of a lost answer is
only looked up.
"""

from dataclasses import replace
from datetime import timedelta

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.integrations.payments import PaymentSeen, Refused, Stage
from app.models import OPEN_PAYMENTS, Payment, PaymentWay
from app.models.billing.payment_events import ChargeAsked, PaymentFailed
from app.services.billing.collecting import waiting
from app.services.billing.paying import checkouts, claims, customers, payment_methods, providers, settlement
from app.services.billing.paying.customers import Customer

LOST = timedelta(hours=1)
"""After which a provider that was asked once, and has nothing to show for it, has not heard of it."""
FIRM = 2
"""Attempts that use the payment's own id as the key; a provider that has failed repeats its answer for that key."""


async def charge(asked: ChargeAsked, attempt: int) -> None:
    """Charge what was asked for; again after a failure, once all the same. It is given up where somebody pays now."""
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
    if seen.stage is Stage.OPEN and row.asked_at is None and not await waiting.alone(row):
        await checkouts.look(seller, row, closing=True)
        return
    if seen.stage is Stage.OPEN:
        at = now()
        if provider.REPEATS or await claims.claim(seller, row):
            seen = await provider.confirm(row.provider_ref, f"{row.id}:confirm:{attempt}")
        else:
            seen = await _unanswered(seller, row, seen)
    await settlement.observe(row.id, seller, seen, at)
    if seen.stage is Stage.FAILED:
        await provider.cancel(row.provider_ref)  # nobody is to confirm it later: another try is another payment
    if seen.stage is Stage.OPEN:
        raise RuntimeError(f"{seen.ref} was confirmed and is open all the same")


async def close(failed: PaymentFailed) -> None:
    """Let a charge that has failed while its customer was asked never be made by what the provider keeps of it."""
    row = await Payment.lookup(Actor.platform(failed.actor.organization_id), _id=failed.payment)
    if row is not None and row.way is PaymentWay.CHARGE and row.provider_ref is not None:
        await providers.of(row.provider, providers.CHARGES).cancel(row.provider_ref)


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
        seen = await provider.prepare(await customers.order(customer, row), method.provider_ref, key)
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

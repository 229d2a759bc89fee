"""Who may have a payment made, or given up: one at a time.

A provider that would charge again if it was asked again is asked once: who asks, or gives the payment up, has claimed
it before, for ever.
"""

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.integrations.payments import PaymentSeen, Stage
from app.models import OPEN_PAYMENTS, Payment
from app.services.billing.paying import providers


async def claim(seller: Actor, row: Payment) -> bool:
    """Whether this is the one who may have it charged, or close it; nobody may after them."""
    where = Payment.within(seller, _id=row.id, asked_at=None)
    return await changes.change(Payment, where, {"$set": {"asked_at": now()}}) is not None


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

"""What somebody was asked for and has paid is revenue: it stayed in `clearing:payments` until now."""

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.actor import Actor
from app.core.database import Document
from app.core.money import Money
from app.models import Dispute, DisputeState, Payment, PaymentState, Refund, RefundState
from app.services.billing.paying import bookings


async def up(database: AsyncDatabase[Document]) -> None:
    paid = {"reference": {"$regex": f"^{bookings.REQUESTED}_"}, "state": PaymentState.SUCCEEDED.value}
    async for row in database[Payment.collection].find(paid, {"organization_id": 1}):
        await _apply(Actor.platform(row["organization_id"]), row["_id"])


@changes.atomic
async def _apply(seller: Actor, id: ObjectId) -> None:
    payment = await Payment.require(seller, id)
    brought = Money(payment.amount, payment.currency)
    await bookings.apply_request(seller, payment, brought, f"applied:{id}", "payment")
    given_back = {"payment_id": id, "state": RefundState.SUCCEEDED.value}
    for refund in await Refund.select(seller, given_back):
        gone, key = -Money(refund.amount, refund.currency), f"taken_back:refund:{refund.id}"
        await bookings.apply_request(seller, payment, gone, key, "refund")
    lost = {"payment_id": id, "state": DisputeState.LOST.value}
    for dispute in await Dispute.select(seller, lost):
        gone, key = -Money(dispute.amount, dispute.currency), f"taken_back:dispute:{dispute.id}"
        await bookings.apply_request(seller, payment, gone, key, "dispute")

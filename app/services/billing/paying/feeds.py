"""The live feed of a payment, for who makes it and who sees to it."""

from dataclasses import dataclass

from bson import ObjectId

from app.core.actor import Actor
from app.core.errors import NotFound
from app.core.feeds import Feed
from app.services.billing.paying import payments


@dataclass(frozen=True)
class PaymentFeed(Feed):
    payment_id: ObjectId

    async def admit(self, actor: Actor) -> None:
        if await payments.find(actor, self.payment_id) is None:
            raise NotFound("There is no such {kind}.", kind="Payment")


def of(payment_id: ObjectId) -> PaymentFeed:
    return PaymentFeed((f"pay:{payment_id}",), payment_id)

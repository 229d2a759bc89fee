"""Sales: what people have sold for an organization, and what of it was given back. Earnings are computed from them."""

from dataclasses import asdict
from typing import Annotated, Self

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Ref
from app.core.errors import Conflict, NotFound
from app.core.money import MOST, Amount, Minor, rounded, split
from app.core.words import words
from app.models import Sale, SaleDocument, SaleRefund
from app.services.organizations import members


class SaleRecorded(Conflict):
    """The order has another sale of this person."""

    code = "SALE_RECORDED"


class MoreThanSold(Conflict):
    """There is not so much left of the sale."""

    code = "MORE_THAN_SOLD"


class NewSale(Amount):
    """That a person has sold something, and what the organization keeps of it."""

    reference: Annotated[str, Field(min_length=1, max_length=100, description="Of the order.")]
    seller_id: Annotated[ObjectId, Ref("User")]
    fee: Annotated[Minor, Field(ge=0, le=MOST, description="In minor units, such as cents.")]

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.fee > self.amount:
            raise ValueError(words("A fee is no more than the whole."))
        return self


async def record_sale(actor: Actor, given: NewSale) -> Sale:
    """Keep that something was sold, once for an order and seller. Raises NotFound or SaleRecorded."""
    assert actor.organization_id
    if not await members.active_ids(actor, [given.seller_id]):
        raise NotFound("There is no such {kind}.", kind="User", path=["input", "sellerId"])
    made = SaleDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        reference=given.reference,
        seller_id=given.seller_id,
        amount=given.amount,
        fee=given.fee,
        currency=given.currency,
        sold_at=now(),
    )
    same = Sale.within(actor, reference=given.reference, seller_id=given.seller_id)
    stored, created = await changes.insert_once(made, same)
    if not created and (stored.amount, stored.fee, stored.currency) != (given.amount, given.fee, given.currency):
        raise SaleRecorded("The order has another sale of this person.", path=["input", "reference"])
    return stored


@changes.atomic
async def refund_order(actor: Actor, reference: str, amount: int, key: str) -> None:
    """Keep that so much of an order was given back, once for a key; of each sale in proportion to what is left of it.

    An order without sales is none of theirs. Raises MoreThanSold.
    """
    sales = [sale for sale in await of_order(actor, reference) if sale.amount]
    if not sales or any(one.key == key for sale in sales for one in sale.refunds):
        return
    left = [sale.amount - sum(one.amount for one in sale.refunds) for sale in sales]
    if not 0 < amount <= sum(left):
        raise MoreThanSold("There is not so much left of the sale.", left=sum(left))
    for sale, part in zip(sales, split(amount, left), strict=True):
        if part:
            await _refund(actor, sale, part, key)


async def of_order(actor: Actor, reference: str) -> list[Sale]:
    """What was sold by an order, by each of its sellers."""
    return await Sale.select(actor, {"reference": reference})


@changes.atomic
async def dispute_order(actor: Actor, reference: str, *, disputed: bool) -> list[Sale]:
    """Keep whether the payment of an order is disputed; answers what was sold by it."""
    sales = await of_order(actor, reference)
    for sale in sales:
        await changes.change(Sale, Sale.within(actor, _id=sale.id), {"$set": {"disputed": disputed}})
    return sales


async def _refund(actor: Actor, sale: Sale, amount: int, key: str) -> None:
    """The fee goes back with it: of several refunds together as much as of one."""
    before = sum(one.amount for one in sale.refunds)
    fee = rounded((before + amount) * sale.fee, sale.amount) - sum(one.fee for one in sale.refunds)
    refund = SaleRefund(amount, fee, now(), key)
    await changes.change(Sale, Sale.within(actor, _id=sale.id), {"$push": {"refunds": asdict(refund)}})

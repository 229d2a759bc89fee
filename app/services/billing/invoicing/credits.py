"""Credits of customers: given away, paid before, or owed to them."""

from datetime import datetime
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Moment, Ref
from app.core.errors import Invalid, NotFound
from app.core.money import Amount, Money
from app.core.paging import Order, Page, PageArgs
from app.models import Credit, CreditDocument, CreditKind, CustomerKind
from app.models.billing.events import CreditGranted
from app.services.organizations import members


class NewCredit(Command):
    """That a customer need not pay so much of their next invoices."""

    user_id: Annotated[ObjectId, Ref("User")]
    amount: Amount
    note: Annotated[str, Field(min_length=1, max_length=200)]
    expires_at: Moment | None = None


async def find(actor: Actor, id: ObjectId) -> Credit | None:
    return await Credit.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[Credit]:
    """The credits that the organization has given, the newest first."""
    return await Credit.page(actor, page)


async def grant(actor: Actor, given: NewCredit) -> Credit:
    """Give promotional credit to a member. Raises NotFound or Invalid."""
    if given.expires_at and given.expires_at <= now():
        raise Invalid("That is over already.", path=["input", "expiresAt"])
    if not await members.active_ids(actor, [given.user_id]):
        raise NotFound("There is no such {kind}.", kind="User", path=["input", "userId"])
    who, amount = (CustomerKind.PERSON, given.user_id), given.amount.money
    return await keep(actor, CreditKind.PROMOTIONAL, *who, amount, given.note, given.expires_at)


async def keep(
    actor: Actor,
    kind: CreditKind,
    customer_kind: CustomerKind,
    customer_id: ObjectId,
    amount: Money,
    note: str,
    expires_at: datetime | None = None,
    id: ObjectId | None = None,
) -> Credit:
    """Let a customer of the actor's organization have a credit."""
    assert actor.organization_id
    made = CreditDocument(
        id=id or new_id(),
        organization_id=actor.organization_id,
        customer_kind=customer_kind,
        customer_id=customer_id,
        kind=kind,
        currency=amount.currency,
        amount=amount.amount,
        left=amount.amount,
        note=note,
        expires_at=expires_at,
        created_at=now(),
    )
    return await changes.insert(made, CreditGranted(actor, credit=made.id, customer=customer_id))


async def use(seller: Actor, credit_id: ObjectId, amount: int) -> None:
    """Take so much of a credit, which is negative to give it back; in a scope that has read how much is left."""
    where = Credit.within(seller, _id=credit_id, left={"$gte": amount})
    taken = await changes.change(Credit, where, {"$inc": {"left": -amount}})
    assert taken, "the scope read it in the same snapshot"


async def take(seller: Actor, kind: CreditKind, customer_id: ObjectId, amount: Money) -> int:
    """Take so much of a customer's credits of a kind, the oldest first, and answer how much there was not."""
    where = {"customer_id": customer_id, "currency": amount.currency, "kind": kind.value, "left": {"$gt": 0}}
    missing = amount.amount
    for credit in await Credit.select(seller, where, order=Order(("_id",), descending=False)):
        taken = min(credit.left, missing)
        if taken:
            await use(seller, credit.id, taken)
        missing -= taken
    return missing

"""Payments: asked for, charged, noted and given up. How they end is what their providers say (`settlement`).

Others ask for one by a key of theirs, and hear of its end by the events of `models.billing.payment_events`.
"""

from typing import Annotated

from bson import ObjectId
from pydantic import AfterValidator, Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import KeyReused
from app.core.money import Amount, Money
from app.core.paging import Page, PageArgs
from app.core.words import words
from app.models import (
    OPEN_PAYMENTS,
    CustomerKind,
    Payment,
    PaymentDocument,
    PaymentState,
    PaymentWay,
    Permission,
    Provider,
)
from app.models.billing.payment_events import ChargeAsked, PaymentCancelAsked, PaymentEvent, PaymentMoved
from app.services.billing.paying import checkouts, customers, payment_methods, providers
from app.services.billing.paying.checkouts import CheckoutBegun
from app.services.billing.paying.customers import Customer
from app.services.billing.paying.receipts import NewReceipt, record
from app.services.billing.paying.refunds import refund
from app.services.billing.paying.remittances import pay_out
from app.services.billing.paying.settlement import PAYMENT

__all__ = [
    "CheckoutBegun",
    "NewCharge",
    "NewCheckout",
    "NewReceipt",
    "PaymentAction",
    "PaymentRequest",
    "begin_checkout",
    "cancel",
    "charge",
    "find",
    "mine",
    "newest",
    "pay_out",
    "record",
    "refund",
    "request",
]


def _positive(money: Money) -> Money:
    if money.amount <= 0:
        raise ValueError(words("An amount to be paid is above zero."))
    return money


Key = Annotated[str, Field(min_length=1, max_length=200)]
Reference = Annotated[str, Field(min_length=1, max_length=200)]
ToPay = Annotated[Money, AfterValidator(_positive)]


class NewCharge(Command):
    """What a customer who is away is to pay by their default method."""

    key: Key
    customer_kind: CustomerKind
    customer_id: ObjectId
    amount: ToPay
    reference: Reference
    description: Annotated[str, Field(max_length=500)] = ""


class NewCheckout(NewCharge):
    """What a customer is to pay on a page of the provider's."""

    success_url: str
    cancel_url: str
    save_method: bool = False
    provider: Provider | None = None


class PaymentRequest(Command):
    """What somebody in the organization is to pay."""

    user_id: Annotated[ObjectId, Ref("User")]
    amount: Amount
    description: Annotated[str, Field(min_length=1, max_length=500, description="What for, as the page says it.")]
    save_method: Annotated[bool, Field(description="Whether the method is kept for payments to come.")] = False
    provider: providers.By = None


class PaymentAction(Command):
    """A payment."""

    payment_id: Annotated[ObjectId, Ref("Payment")]


async def newest(actor: Actor, page: PageArgs, *, reference: str | None = None) -> Page[Payment]:
    """What the organization is paid, or what for one thing."""
    return await Payment.page(actor, page, {"reference": reference} if reference else None)


async def mine(actor: Actor, kind: CustomerKind, page: PageArgs) -> Page[Payment]:
    """What the customer pays that the actor is. Raises Forbidden."""
    customer = customers.buying(actor, kind, permission=Permission.BILLING_READ)
    return await Payment.page(customer.seller, page, customer.where)


async def find(actor: Actor, id: ObjectId) -> Payment | None:
    """A payment that the actor makes, or their organization makes or gets if they may see to its bills."""
    row = await Payment.lookup(actor, _id=id)
    may = actor.can(Permission.BILLING_READ)
    if row is not None:
        own = row.customer_kind is CustomerKind.PERSON and row.customer_id == actor.user_id
        return row if may or own else None
    if not may or actor.organization_id is None:
        return None
    customer = customers.buying(actor, CustomerKind.ORGANIZATION, permission=Permission.BILLING_READ)
    return await Payment.lookup(customer.seller, {**customer.where, "_id": id})


async def charge(actor: Actor, new: NewCharge) -> Payment:
    """Let a customer who is away be charged where they have saved a method, once for the key. Raises KeyReused."""
    customer = Customer(actor, new.customer_kind, new.customer_id)
    made = _made(actor, new, PaymentWay.CHARGE, await payment_methods.where_saved(customer))
    return await _keep(actor, made, ChargeAsked(actor, payment=made.id, reference=made.reference))


async def begin_checkout(actor: Actor, new: NewCheckout) -> CheckoutBegun:
    """Let a customer pay on a page, one payment for the key.

    Raises KeyReused, NotSupported and what `checkouts.open_page` does.
    """
    made = _made(actor, new, PaymentWay.CHECKOUT, new.provider)
    made.saves_method = new.save_method
    providers.check_saving(made.provider, wanted=made.saves_method)

    async def keep() -> Payment:
        return await _keep(actor, made, _asked(actor, made))

    # The provider may tell of it before the scope is over; what is only rehearsed it never hears of.
    row = await (keep() if changes.rehearsing() else changes.apart(keep))
    customer = Customer(actor, new.customer_kind, new.customer_id)
    return await checkouts.open_page(customer, row, new.success_url, new.cancel_url)


async def request(actor: Actor, given: PaymentRequest) -> Payment:
    """Ask somebody in the organization for a payment, which they make on a page.

    Raises NotFound, NotOffered, NotSupported.
    """
    await customers.check_person(actor, given.user_id)
    id = new_id()
    new = NewCharge(
        key=f"request:{id}",
        customer_kind=CustomerKind.PERSON,
        customer_id=given.user_id,
        amount=given.amount.money,
        reference=f"Payment_{id}",
        description=given.description,
    )
    made = _made(actor, new, PaymentWay.CHECKOUT, given.provider, id)
    made.saves_method = given.save_method
    providers.check_saving(made.provider, wanted=made.saves_method)
    return await _keep(actor, made, _asked(actor, made))


@changes.atomic
async def cancel(actor: Actor, given: PaymentAction) -> Payment:
    """Give a payment up that was not made. One that the provider knows is closed there first. Raises NotFound."""
    row = await Payment.require(actor, given.payment_id)
    PAYMENT.check(actor, row, "cancel")
    where = {"organization_id": row.organization_id}
    if row.page_ref is None and row.provider_ref is None:
        told = PaymentMoved(actor, payment=row.id, reference=row.reference, state=PaymentState.CANCELLED.value)
        return await PAYMENT.move(actor, row, "cancel", told, where={**where, "page_ref": None, "provider_ref": None})
    asked = PaymentCancelAsked(actor, payment=row.id, reference=row.reference)
    open_ = {**where, "_id": row.id, "state": {"$in": [state.value for state in OPEN_PAYMENTS]}}
    return await changes.change(Payment, open_, {"$set": {"changed_at": now()}}, asked) or row


def _asked(actor: Actor, made: PaymentDocument) -> PaymentMoved:
    return PaymentMoved(actor, payment=made.id, reference=made.reference, state=PaymentState.CREATED.value)


def _made(
    actor: Actor, new: NewCharge, way: PaymentWay, by: Provider | None, id: ObjectId | None = None
) -> PaymentDocument:
    assert actor.organization_id
    moment = now()
    return PaymentDocument(
        id=id or new_id(),
        organization_id=actor.organization_id,
        key=new.key,
        customer_kind=new.customer_kind,
        customer_id=new.customer_id,
        amount=new.amount.amount,
        currency=new.amount.currency,
        reference=new.reference,
        description=new.description,
        provider=providers.chosen(by),
        way=way,
        made_by_id=actor.user_id,
        created_at=moment,
        changed_at=moment,
    )


async def _keep(actor: Actor, made: PaymentDocument, told: PaymentEvent) -> Payment:
    row, new = await changes.insert_once(made, Payment.within(actor, key=made.key), told)
    same = ("customer_kind", "customer_id", "amount", "currency", "reference", "way")
    if not new and any(getattr(row, name) != getattr(made, name) for name in same):
        raise KeyReused("Another payment has the key “{key}”.", key=made.key)
    return row

"""Money that came in otherwise: by bank transfer or in cash, noted by those who may."""

from typing import Annotated

from bson import ObjectId
from pydantic import AfterValidator, Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import KeyReused
from app.core.money import Amount, Money
from app.core.words import words
from app.models import CustomerKind, Payment, PaymentDocument, PaymentState, PaymentWay, Provider
from app.models.billing.payment_events import PaymentSucceeded
from app.services.billing.paying import bookings, customers


def _otherwise(provider: Provider) -> Provider:
    if provider not in (Provider.BANK_TRANSFER, Provider.CASH):
        raise ValueError(words("Only bank transfers and cash are noted: what others bring, they tell."))
    return provider


def _positive(money: Money) -> Money:
    if money.amount <= 0:
        raise ValueError(words("An amount to be paid is above zero."))
    return money


By = Annotated[Provider, AfterValidator(_otherwise), Field(description="BANK_TRANSFER or CASH.")]
Key = Annotated[str, Field(min_length=1, max_length=200)]
Reference = Annotated[str, Field(min_length=1, max_length=200, description="What it is for, such as `Invoice_1`.")]
External = Annotated[str, Field(max_length=200, description="Of the transfer, or on the receipt.")]


class NewReceipt(Command):
    """Money that has come in, as other services note it."""

    key: Key
    provider: By
    customer_kind: CustomerKind
    customer_id: ObjectId
    amount: Annotated[Money, AfterValidator(_positive)]
    reference: Reference
    external_reference: External = ""


class PaymentReceipt(Command):
    """Money that somebody in the organization has paid."""

    key: Annotated[str, Field(min_length=1, max_length=200, description="The same key is the same payment.")]
    provider: By
    user_id: Annotated[ObjectId, Ref("User")]
    amount: Amount
    reference: Reference
    external_reference: External = ""


async def note(actor: Actor, given: PaymentReceipt) -> Payment:
    """Note what somebody has paid. Raises NotFound and KeyReused."""
    await customers.check_person(actor, given.user_id)
    return await record(
        actor,
        NewReceipt(
            key=given.key,
            provider=given.provider,
            customer_kind=CustomerKind.PERSON,
            customer_id=given.user_id,
            amount=given.amount.money,
            reference=given.reference,
            external_reference=given.external_reference,
        ),
    )


@changes.atomic
async def record(actor: Actor, new: NewReceipt) -> Payment:
    """Note money that has come in, once for the key. Raises KeyReused."""
    assert actor.organization_id
    moment = now()
    made = PaymentDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        key=new.key,
        customer_kind=new.customer_kind,
        customer_id=new.customer_id,
        amount=new.amount.amount,
        currency=new.amount.currency,
        reference=new.reference,
        external_reference=new.external_reference or None,
        provider=new.provider,
        way=PaymentWay.RECEIPT,
        state=PaymentState.SUCCEEDED,
        made_by_id=actor.user_id,
        created_at=moment,
        changed_at=moment,
    )
    told = PaymentSucceeded(
        actor,
        payment=made.id,
        reference=made.reference,
        customer_kind=made.customer_kind.value,
        customer=made.customer_id,
        amount=made.amount,
        currency=made.currency,
    )
    row, is_new = await changes.insert_once(made, Payment.within(actor, key=new.key), told)
    if is_new:
        await bookings.came_in(actor, row)
        return row
    same = ("customer_kind", "customer_id", "amount", "currency", "reference", "provider")
    if any(getattr(row, name) != getattr(made, name) for name in same):
        raise KeyReused("Another payment has the key “{key}”.", key=new.key)
    return row

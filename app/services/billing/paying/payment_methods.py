"""What customers have saved to pay with. The provider keeps the numbers; here is which there are, and the default."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.machines import Machine, Transition
from app.core.paging import Page, PageArgs
from app.core.rows import Value
from app.integrations.payments import MethodKind, MethodSeen, SetupSeen, Stage, Unknown
from app.models import (
    CustomerKind,
    PaymentMethod,
    PaymentMethodDocument,
    PaymentMethodState,
    Permission,
    Provider,
)
from app.models.billing.payment_events import PaymentMethodRemovalAsked, PaymentMethodsChanged
from app.services.billing.paying import customers, providers
from app.services.billing.paying.customers import Customer

ACTIVE, REMOVED = PaymentMethodState.ACTIVE, PaymentMethodState.REMOVED
METHOD = Machine(Transition("remove", frozenset({ACTIVE}), REMOVED))


class Buying(Command):
    """In whose name one buys."""

    customer_kind: CustomerKind = CustomerKind.PERSON


class PaymentSetupBeginning(Buying):
    """In whose name, by which provider and what one saves."""

    provider: providers.By = None
    method: Annotated[
        MethodKind | None,
        Field(
            description="CARD, or UPI for a mandate of UPI AutoPay; what the provider would rather have, if left out."
        ),
    ] = None


class PaymentMethodAction(Buying):
    """A method of one's own, or of the organization."""

    method_id: Annotated[ObjectId, Ref("PaymentMethod")]


@dataclass(slots=True)
class PaymentSetup(Value):
    """With `client_secret` the provider's script saves a method in the customer's browser; empty in a rehearsal."""

    provider: Provider
    ref: str
    client_secret: str = field(repr=False)


async def begin_setup(actor: Actor, given: PaymentSetupBeginning) -> PaymentSetup:
    """Let a customer save a method. Raises Forbidden, NotOffered, and Unavailable."""
    customer, name = customers.buying(actor, given.customer_kind), providers.chosen(given.provider, providers.SETUPS)
    provider, kind = providers.of(name, providers.SETUPS), providers.kind_of(name, given.method)
    if changes.rehearsing():
        return PaymentSetup(name, "", "")

    async def begin() -> SetupSeen:
        ref = await customers.provider_ref(customer, name)
        return await provider.setup(ref, kind, customers.labels_of(customer), f"setup:{new_id()}")

    begun = await providers.ask(begin)
    return PaymentSetup(name, begun.ref, begun.secret)


async def mine(actor: Actor, kind: CustomerKind, page: PageArgs) -> Page[PaymentMethod]:
    """What the customer that the actor is can pay with, the newest first. Raises Forbidden."""
    customer = customers.buying(actor, kind, permission=Permission.BILLING_READ)
    return await PaymentMethod.page(customer.seller, page, {**customer.where, "state": ACTIVE.value})


async def find(actor: Actor, id: ObjectId) -> PaymentMethod | None:
    """One of the actor's own, or of those of their organization if they may see to its bills."""
    if actor.user_id and (row := await PaymentMethod.lookup(actor, _id=id, customer_id=actor.user_id)):
        return row
    if not actor.can(Permission.BILLING_READ):
        return None
    customer = customers.buying(actor, CustomerKind.ORGANIZATION, permission=Permission.BILLING_READ)
    return await PaymentMethod.lookup(customer.seller, {**customer.where, "_id": id})


async def default(customer: Customer, provider: Provider) -> PaymentMethod | None:
    """What is charged when the customer is away; None for who has saved nothing."""
    where = {**customer.where, "provider": provider.value, "default": True}
    return await PaymentMethod.lookup(customer.seller, where)


async def where_saved(customer: Customer) -> Provider | None:
    """The first provider at which a customer has saved a method; None for who has saved nothing."""
    saved = {row.provider for row in await PaymentMethod.select(customer.seller, {**customer.where, "default": True})}
    return next((name for name in providers.configured() if name in saved), None)


@changes.atomic
async def choose(actor: Actor, given: PaymentMethodAction) -> PaymentMethod:
    """Let a method be the one that is charged. Raises NotFound, Forbidden."""
    customer = customers.buying(actor, given.customer_kind)
    row = await PaymentMethod.require(customer.seller, given.method_id, **customer.where, state=ACTIVE.value)
    if row.default:
        return row
    before = PaymentMethod.within(customer.seller, {**customer.where, "provider": row.provider.value, "default": True})
    await changes.change(PaymentMethod, before, {"$set": {"default": False}})
    return await _become_default(customer, row)


@changes.atomic
async def remove(actor: Actor, given: PaymentMethodAction) -> PaymentMethod:
    """Let a method be charged no more, here at once and soon at the provider. Raises NotFound, Forbidden."""
    customer = customers.buying(actor, given.customer_kind)
    row = await PaymentMethod.require(customer.seller, given.method_id, **customer.where)
    asked = PaymentMethodRemovalAsked(customer.seller, method=row.id)
    return await _remove(customer, row, asked)


async def forget(asked: PaymentMethodRemovalAsked) -> None:
    """Let the provider forget a method that was removed."""
    seller = Actor.platform(asked.actor.organization_id)
    row = await PaymentMethod.lookup(seller, _id=asked.method)
    if row is not None:
        with suppress(Unknown):
            await providers.of(row.provider, providers.CHARGES).forget_method(row.provider_ref)


async def observe_setup(provider: Provider, seen: SetupSeen) -> bool:
    """Keep the method that a customer has saved. Whether it is one of ours."""
    if customers.labelled(seen.labels) is None:
        return False
    if seen.stage is Stage.PROCESSING:
        raise RuntimeError(f"{seen.ref} is about to be saved")  # to be looked at again
    if seen.stage is Stage.SUCCEEDED and seen.method_ref:
        at = now()
        await observe(provider, await providers.of(provider, providers.CHARGES).method(seen.method_ref), at)
    return True


async def full_ref(provider: Provider, ref: str) -> str:
    """What a method is called in full: some providers tell of it by the beginning, up to a slash, only."""
    where = {"provider": provider.value, "provider_ref": {"$regex": f"^{re.escape(ref)}(/|$)"}}
    known = await PaymentMethod.lookup(Actor.platform(), where)
    return known.provider_ref if known else ref


@changes.atomic
async def observe(provider: Provider, seen: MethodSeen, at: datetime) -> bool:
    """Note how a method is at its provider, who was asked at this moment. Whether it is one of ours."""
    platform = Actor.platform()
    row = await PaymentMethod.lookup(platform, provider=provider.value, provider_ref=seen.ref)
    customer = customers.labelled(seen.labels)
    if row is None:
        if customer is None:
            return False
        await _save(customer, provider, seen, at)
        return True
    owner = Customer(Actor.platform(row.organization_id), row.customer_kind, row.customer_id)
    if row.state is ACTIVE and at > row.observed_at:
        if not seen.attached:
            await _remove(owner, row)
        else:
            known = {"expires_month": seen.expires_month, "expires_year": seen.expires_year, "observed_at": at}
            await changes.change(PaymentMethod, PaymentMethod.within(owner.seller, _id=row.id), {"$set": known})
    return True


async def _save(customer: Customer, provider: Provider, seen: MethodSeen, at: datetime) -> None:
    assert customer.seller.organization_id
    moment, first = now(), await default(customer, provider) is None
    made = PaymentMethodDocument(
        id=new_id(),
        organization_id=customer.seller.organization_id,
        customer_kind=customer.kind,
        customer_id=customer.id,
        provider=provider,
        provider_ref=seen.ref,
        brand=seen.brand,
        last4=seen.last4,
        expires_month=seen.expires_month,
        expires_year=seen.expires_year,
        default=first,
        observed_at=at,
        created_at=moment,
        changed_at=moment,
    )
    await changes.insert(made, PaymentMethodsChanged(customer.seller, user=customer.id, method=made.id))


async def _remove(customer: Customer, row: PaymentMethod, *more: PaymentMethodRemovalAsked) -> PaymentMethod:
    told = PaymentMethodsChanged(customer.seller, user=customer.id, method=row.id)
    where = {"organization_id": row.organization_id}
    removed = await METHOD.move(customer.seller, row, "remove", told, *more, where=where, default=False)
    if row.default:
        left = await PaymentMethod.select(customer.seller, {**customer.where, "state": ACTIVE.value})
        same = [one for one in left if one.provider is row.provider]
        if same:
            await _become_default(customer, max(same, key=lambda one: one.id))
    return removed


async def _become_default(customer: Customer, row: PaymentMethod) -> PaymentMethod:
    told = PaymentMethodsChanged(customer.seller, user=customer.id, method=row.id)
    where = PaymentMethod.within(customer.seller, _id=row.id)
    changed = await changes.change(PaymentMethod, where, {"$set": {"default": True, "changed_at": now()}}, told)
    assert changed, "the scope read it in the same snapshot"
    return changed

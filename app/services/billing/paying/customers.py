"""Who buys: people from the organization that they are in, and organizations from the platform."""

from dataclasses import dataclass, replace

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.errors import Forbidden, NotFound
from app.core.machines import lacks
from app.integrations.payments import Labels, Order
from app.models import (
    PLATFORM_ID,
    BillingCustomer,
    BillingCustomerDocument,
    CustomerKind,
    Payment,
    Permission,
    Provider,
)
from app.services.billing.paying import providers
from app.services.organizations import members


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who buys, from the organization that `seller` acts in."""

    seller: Actor
    kind: CustomerKind
    id: ObjectId

    @property
    def where(self) -> dict[str, object]:
        """Of what is theirs, in the book of the seller."""
        return {"customer_kind": self.kind.value, "customer_id": self.id}


def buying(actor: Actor, kind: CustomerKind, *, permission: Permission = Permission.BILLING_MANAGE) -> Customer:
    """The customer that the actor is, or may speak for. Raises Forbidden."""
    if kind is CustomerKind.PERSON:
        if actor.user_id is None:
            raise Forbidden("This is for people.")
        return Customer(actor, kind, actor.user_id)
    if not actor.can(permission):
        raise Forbidden(lacks(permission))
    assert actor.organization_id
    return Customer(replace(actor, organization_id=PLATFORM_ID), kind, actor.organization_id)


async def check_person(actor: Actor, user_id: ObjectId) -> None:
    """Raises NotFound unless somebody is in the actor's organization, or was."""
    if await members.find(actor, user_id) is None:
        raise NotFound("There is no such member.", path=["input", "userId"])


def labels(organization_id: ObjectId | None, **ids: object) -> Labels:
    """What a thing at a provider is told by."""
    return {"organization": str(organization_id), **{name: str(value) for name, value in ids.items()}}


def labels_of(customer: Customer) -> Labels:
    return labels(customer.seller.organization_id, customer_kind=customer.kind.value, customer=customer.id)


def labelled(found: Labels) -> Customer | None:
    """The customer whom a thing at a provider is of; None for what is not ours."""
    organization, kind, id = (found.get(name, "") for name in ("organization", "customer_kind", "customer"))
    if not (ObjectId.is_valid(organization) and ObjectId.is_valid(id) and kind in list(CustomerKind)):
        return None
    return Customer(Actor.platform(ObjectId(organization)), CustomerKind(kind), ObjectId(id))


async def provider_ref(customer: Customer, provider: Provider) -> str:
    """What the provider calls a customer, who is made there if need be. It is not called inside a scope."""
    if known := await _known(customer, provider):
        return known.provider_ref
    organization_id = customer.seller.organization_id
    assert organization_id
    key = f"customer:{organization_id}:{customer.kind.value}:{customer.id}"
    ref = await providers.offered(provider).customer(labels_of(customer), key)
    made = BillingCustomerDocument(
        id=new_id(),
        organization_id=organization_id,
        customer_kind=customer.kind,
        customer_id=customer.id,
        provider=provider,
        provider_ref=ref,
        created_at=now(),
    )
    where = BillingCustomer.within(customer.seller, customer.where, provider=provider.value)
    return (await changes.insert_once(made, where))[0].provider_ref


async def known_ref(customer: Customer, provider: Provider) -> str | None:
    """The same; None for who never was made there."""
    known = await _known(customer, provider)
    return known.provider_ref if known else None


async def order(customer: Customer, row: Payment) -> Order:
    """What the provider is to have paid."""
    return Order(
        amount=row.amount,
        currency=row.currency,
        description=row.description or row.reference,
        labels=labels(row.organization_id, payment=row.id),
        customer_ref=await provider_ref(customer, row.provider),
    )


async def _known(customer: Customer, provider: Provider) -> BillingCustomer | None:
    return await BillingCustomer.lookup(customer.seller, {**customer.where, "provider": provider.value})

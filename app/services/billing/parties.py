"""Who sells and who buys: what of subscriptions and invoices somebody may see and do."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from bson import ObjectId

from app.core.actor import Actor
from app.core.machines import lacks
from app.core.words import Words, words
from app.models import PLATFORM_ID, CustomerKind, Duty, Permission


class Deal(Protocol):
    """What there are a seller and a customer of."""

    organization_id: ObjectId
    customer_kind: CustomerKind
    customer_id: ObjectId


def sells(actor: Actor, seller_id: ObjectId) -> bool:
    """Whether the actor decides what an organization, or the platform, sells."""
    if actor.system or (actor.organization_id == seller_id and actor.can(Permission.BILLING_MANAGE)):
        return True
    return seller_id == PLATFORM_ID and Duty.BILLING_MANAGE in actor.duties


def buys(actor: Actor, deal: Deal) -> bool:
    """Whether the actor is the customer, or decides what the organization buys that is."""
    if deal.customer_kind is CustomerKind.PERSON:
        return actor.user_id is not None and actor.user_id == deal.customer_id
    return actor.organization_id == deal.customer_id and actor.can(Permission.BILLING_MANAGE)


def concerned(actor: Actor, deal: Deal) -> Words | None:
    """Why the actor may not do what both sides may."""
    if sells(actor, deal.organization_id) or buys(actor, deal):
        return None
    return words("Only the customer may do this, and who sells it.")


def selling(actor: Actor, deal: Deal) -> Words | None:
    """Why the actor may not do what only the seller may."""
    return None if sells(actor, deal.organization_id) else lacks(Permission.BILLING_MANAGE)


def sees(actor: Actor, deal: Deal) -> bool:
    return concerned(actor, deal) is None


def acting(actor: Actor, deal: Deal) -> Actor:
    """The same actor, in whose name it is written and told in the seller's organization once they were admitted."""
    return replace(actor, organization_id=deal.organization_id)


def own(actor: Actor) -> Mapping[str, Any]:
    """The filter of what the actor buys: for themself, and for the organization if they decide that."""
    ids = [actor.user_id] if actor.user_id else []
    if actor.organization_id and actor.can(Permission.BILLING_MANAGE):
        ids.append(actor.organization_id)
    return {"customer_id": {"$in": ids}}

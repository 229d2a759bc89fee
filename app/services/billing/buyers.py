"""Whom a seller sells to: people who belong or belonged to it; the platform, to organizations."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import turns
from app.core.actor import Actor
from app.core.commands import Ref, UnknownReference
from app.core.errors import NotFound
from app.core.words import words
from app.models import PLATFORM_ID, Buyer, CustomerKind, Membership, Organization

KINDS: Mapping[str, CustomerKind] = {"User": CustomerKind.PERSON, "Organization": CustomerKind.ORGANIZATION}
"""By the types of ids."""
NAMES: Mapping[CustomerKind, str] = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class BuyerRef(Ref):
    """Marks a field that names somebody who buys, by the id of a person or of an organization."""

    kind: str = "User"

    def open(self, value: Any) -> Any:
        """The customer. Raises UnknownReference."""
        if isinstance(value, Buyer):
            return value
        if isinstance(value, str):
            name, _, id = value.partition("_")
            if name in KINDS and ObjectId.is_valid(id):
                return Buyer(KINDS[name], ObjectId(id))
        raise UnknownReference(words("There is no such {kind}.", kind="Customer"))


BuyerId = Annotated[Buyer, BuyerRef(), Field(description="A person, or an organization.")]


def turn(actor: Actor, customers: Iterable[Buyer]) -> AbstractAsyncContextManager[None]:
    """To be entered around a scope that writes what is counted of these customers of a seller."""
    return turns.turn(*(f"buyer:{actor.organization_id}:{one.id}" for one in customers))


def named(id: str) -> Buyer:
    """The customer of an id that clients hold. Raises NotFound."""
    try:
        found: Buyer = BuyerRef().open(id)
    except UnknownReference as error:
        raise NotFound(error.args[0], path=["customerId"]) from None
    return found


def buyer_of(row: Any) -> Buyer:
    """Whom a row is about that says it in two columns."""
    return Buyer(row.customer_kind, row.customer_id)


async def must_be_known(actor: Actor, customers: Iterable[Buyer], path: Sequence[str] = ()) -> None:
    """Raises NotFound unless the actor's organization, as a seller, can have all of these as customers."""
    wanted = set(customers)
    people = [one.id for one in wanted if one.kind is CustomerKind.PERSON]
    organizations = [one.id for one in wanted if one.kind is CustomerKind.ORGANIZATION]
    known = set[ObjectId]()
    if people:
        inside = Actor.platform(actor.organization_id)
        places = await Membership.select(inside, {"user_id": {"$in": people}}, fields=frozenset({"user_id"}))
        known = {place.user_id for place in places}
    if organizations and actor.organization_id == PLATFORM_ID:
        known |= (await Organization.by_ids(Actor.platform(), organizations, frozenset())).keys()  # type: ignore[arg-type]
    if any(one.id not in known for one in wanted):
        raise NotFound("There is no such {kind}.", kind="Customer", path=path)

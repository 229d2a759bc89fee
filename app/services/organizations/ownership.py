"""Handing an organization over: one owner offers, a member accepts, and the two change roles in one step."""

from datetime import timedelta
from typing import Annotated

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.machines import Machine, Transition, lacks, only_platform
from app.core.words import Words, words
from app.models import (
    Membership,
    MembershipState,
    OfferState,
    OwnershipOffer,
    OwnershipOfferDocument,
    Permission,
    Role,
)
from app.models.organizations.events import MembershipChanged, OwnershipOffered, OwnershipOfferMoved
from app.services.organizations.members import MemberAction
from app.services.organizations.roles import Holding

OFFERED = OfferState.OFFERED
VALID = timedelta(days=7)


class NotAnOwner(Forbidden):
    """Only who owns an organization can give it away."""

    code = "NOT_AN_OWNER"


class AlreadyOffered(Conflict):
    """One offer at a time."""

    code = "OWNERSHIP_OFFERED"


class OfferOutdated(Conflict):
    """Who offered owns the organization no more, or who was asked has no place in it."""

    code = "OFFER_OUTDATED"


class OfferAction(Command):
    """An offer of ownership."""

    offer_id: Annotated[ObjectId, Ref("OwnershipOffer")]


def _asked(actor: Actor, row: OwnershipOffer) -> Words | None:
    return None if row.to_id == actor.user_id else words("Only the person decides this.")


def _offering(actor: Actor, row: OwnershipOffer) -> Words | None:
    if row.from_id == actor.user_id or actor.can(Permission.ORGANIZATION_DELETE):
        return None
    return lacks(Permission.ORGANIZATION_DELETE)


OWNERSHIP = Machine(
    Transition("accept", frozenset({OFFERED}), OfferState.ACCEPTED, _asked),
    Transition("decline", frozenset({OFFERED}), OfferState.DECLINED, _asked),
    Transition("withdraw", frozenset({OFFERED}), OfferState.WITHDRAWN, _offering),
    Transition("expire", frozenset({OFFERED}), OfferState.EXPIRED, only_platform, after=VALID),
)


async def open_offer(actor: Actor) -> OwnershipOffer | None:
    """The offer that waits for an answer, for the one who is asked and for those who could withdraw it."""
    row = await OwnershipOffer.lookup(actor, state=OFFERED.value)
    return row if row and not (_asked(actor, row) and _offering(actor, row)) else None


async def find(actor: Actor, id: ObjectId) -> OwnershipOffer | None:
    row = await OwnershipOffer.lookup(actor, _id=id)
    return row if row and not (_asked(actor, row) and _offering(actor, row)) else None


@changes.atomic
async def offer(actor: Actor, given: MemberAction) -> OwnershipOffer:
    """Ask a member to own the organization in one's place.

    Raises NotAnOwner, NotFound, or AlreadyOffered; Invalid for who owns it already.
    """
    assert actor.organization_id
    assert actor.user_id
    if not await _place(actor, actor.user_id, Role.OWNER):
        raise NotAnOwner("Only an owner can offer the ownership.")
    member = await _place(actor, given.user_id)
    if member is None:
        raise NotFound("There is no such member.", path=["input", "userId"])
    if member.role is Role.OWNER:
        raise Invalid("They own the organization already.", path=["input", "userId"])
    moment = now()
    made = OwnershipOfferDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        from_id=actor.user_id,
        to_id=given.user_id,
        created_at=moment,
        changed_at=moment,
    )
    told = OwnershipOffered(actor, offer=made.id, user=made.to_id, by=made.from_id)
    stored, created = await changes.insert_once(made, OwnershipOffer.within(actor, state=OFFERED.value), told)
    if not created:
        raise AlreadyOffered("The ownership is offered to somebody already: withdraw that first.")
    return stored


@changes.atomic
async def accept(actor: Actor, given: OfferAction) -> OwnershipOffer:
    """Own the organization; who offered becomes an admin. Raises NotFound, Forbidden or OfferOutdated."""
    moved = await _move(actor, await _get(actor, given), "accept")
    former, new = await _place(actor, moved.from_id, Role.OWNER), await _place(actor, moved.to_id)
    if former is None or new is None or moved.created_at + VALID <= now():
        raise OfferOutdated("Who offered this owns the organization no more: ask for another offer.")
    await _become(actor, new, Role.OWNER)
    await _become(actor, former, Role.ADMIN)
    return moved


@changes.atomic
async def answer(actor: Actor, given: OfferAction, transition: str) -> OwnershipOffer:
    """Decline an offer, or withdraw it. Raises NotFound, Forbidden or IllegalTransition."""
    return await _move(actor, await _get(actor, given), transition)


async def overdue(limit: int) -> list[OwnershipOffer]:
    """Offers whose time has run out, in every organization."""
    return await OwnershipOffer.select(Actor.platform(), OWNERSHIP.due(OWNERSHIP.transitions["expire"]), limit=limit)


@changes.atomic
async def expire(organization_id: ObjectId, id: ObjectId) -> None:
    """Let an offer's time run out; nothing happens when it was answered meanwhile."""
    platform = Actor.platform(organization_id)
    row = await OwnershipOffer.lookup(platform, _id=id, state=OFFERED.value)
    if row is not None:
        await _move(platform, row, "expire")


async def _get(actor: Actor, given: OfferAction) -> OwnershipOffer:
    row = await find(actor, given.offer_id)
    if row is None:
        raise NotFound("There is no such OwnershipOffer.", path=["input", "offerId"])
    return row


async def _place(actor: Actor, user_id: ObjectId, role: Role | None = None) -> Membership | None:
    where = {"user_id": user_id, "state": MembershipState.ACTIVE.value}
    return await Membership.lookup(actor, where | ({"role": role.value} if role else {}))


async def _become(actor: Actor, place: Membership, role: Role) -> None:
    told = MembershipChanged(actor, user=place.user_id, state=place.state.value, role=role.value)
    where = Membership.within(actor, _id=place.id, state=place.state.value)
    await changes.change(Membership, where, {"$set": {**Holding(role).columns, "changed_at": now()}}, told)


async def _move(actor: Actor, row: OwnershipOffer, transition: str) -> OwnershipOffer:
    target = OWNERSHIP.transitions[transition].target
    told = OwnershipOfferMoved(actor, offer=row.id, user=row.to_id, by=row.from_id, state=target.value)
    return await OWNERSHIP.move(actor, row, transition, told, where={"organization_id": actor.organization_id})

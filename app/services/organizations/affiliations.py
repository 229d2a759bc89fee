"""Affiliations: people who sell for an organization ask to, and it decides."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, NotFound
from app.core.machines import Machine, Transition, lacks
from app.core.paging import Page, PageArgs
from app.core.rows import Names
from app.core.words import Words, words
from app.models import (
    Affiliation,
    AffiliationDocument,
    AffiliationState,
    Organization,
    OrganizationState,
    Permission,
    User,
)
from app.models.organizations.events import AffiliationMoved

PLATFORM = Actor.platform()
REQUESTED, ACTIVE, REJECTED = AffiliationState.REQUESTED, AffiliationState.ACTIVE, AffiliationState.REJECTED
SUSPENDED, ENDED = AffiliationState.SUSPENDED, AffiliationState.ENDED


class AlreadyAsked(Conflict):
    """The person has asked already, or sells for the organization."""

    code = "ALREADY_ASKED"


class AffiliationRequest(Command):
    """For which organization one would like to sell, and what speaks for it."""

    slug: Annotated[str, Field(max_length=40, description="The organization's.")]
    pitch: Annotated[str, Field(max_length=1_000)] = ""


class AffiliationAction(Command):
    """An affiliation."""

    affiliation_id: Annotated[ObjectId, Ref("Affiliation")]


def _managing(actor: Actor, row: Affiliation) -> Words | None:
    if actor.organization_id == row.organization_id and actor.can(Permission.AFFILIATIONS_MANAGE):
        return None
    return lacks(Permission.AFFILIATIONS_MANAGE)


def _marketer(actor: Actor, row: Affiliation) -> Words | None:
    return None if row.user_id == actor.user_id else words("Only the person decides this.")


def _either(actor: Actor, row: Affiliation) -> Words | None:
    return _managing(actor, row) and _marketer(actor, row)


AFFILIATION = Machine(
    Transition("approve", frozenset({REQUESTED}), ACTIVE, _managing),
    Transition("reject", frozenset({REQUESTED}), REJECTED, _managing),
    Transition("suspend", frozenset({ACTIVE}), SUSPENDED, _managing),
    Transition("reinstate", frozenset({SUSPENDED}), ACTIVE, _managing),
    Transition("end", frozenset({REQUESTED, ACTIVE, SUSPENDED}), ENDED, _either),
    Transition("ask", frozenset({REJECTED, ENDED}), REQUESTED, _marketer),
)


async def newest(actor: Actor, page: PageArgs) -> Page[Affiliation]:
    """Those who sell for the organization, or have asked to."""
    return await Affiliation.page(actor, page)


async def mine(actor: Actor, page: PageArgs) -> Page[Affiliation]:
    """For whom the actor sells, or has asked to."""
    return await Affiliation.page(PLATFORM, page, {"user_id": actor.user_id})


async def find(actor: Actor, id: ObjectId) -> Affiliation | None:
    """The affiliation, for the person and for who manages those of the organization."""
    row = await Affiliation.lookup(PLATFORM, _id=id, user_id=actor.user_id) if actor.user_id else None
    if row is None and actor.organization_id and actor.can(Permission.AFFILIATIONS_MANAGE):
        return await Affiliation.lookup(actor, _id=id)
    return row


@changes.atomic
async def ask(actor: Actor, given: AffiliationRequest) -> Affiliation:
    """Ask to sell for an organization, again after an end. Raises NotFound or AlreadyAsked."""
    assert actor.user_id
    organization = await Organization.lookup(PLATFORM, slug=given.slug, state=OrganizationState.ACTIVE.value)
    if organization is None:
        raise NotFound("There is no such Organization.", path=["input", "slug"])
    inside, moment = Actor(organization.id, actor.user_id, actor.session_id), now()
    made = AffiliationDocument(
        id=new_id(),
        organization_id=organization.id,
        user_id=actor.user_id,
        pitch=given.pitch,
        created_at=moment,
        changed_at=moment,
    )
    same = Affiliation.within(inside, user_id=actor.user_id)
    told = AffiliationMoved(inside, affiliation=made.id, user=actor.user_id, state=REQUESTED.value)
    stored, created = await changes.insert_once(made, same, told)
    if created:
        return stored
    if stored.state not in AFFILIATION.transitions["ask"].sources:
        raise AlreadyAsked("You have asked already.", path=["input", "slug"])
    row = await Affiliation.require(inside, stored.id)
    again = AffiliationMoved(inside, affiliation=row.id, user=actor.user_id, state=REQUESTED.value)
    return await AFFILIATION.move(
        inside, row, "ask", again, where={"organization_id": organization.id}, pitch=given.pitch
    )


@changes.atomic
async def move(actor: Actor, given: AffiliationAction, transition: str) -> Affiliation:
    """Take a transition of AFFILIATION. Raises NotFound, Forbidden or IllegalTransition."""
    row = await find(actor, given.affiliation_id)
    if row is None:
        raise NotFound("There is no such Affiliation.", path=["input", "affiliationId"])
    inside = Actor(row.organization_id, actor.user_id, actor.session_id)
    target = AFFILIATION.transitions[transition].target
    told = AffiliationMoved(inside, affiliation=row.id, user=row.user_id, state=target.value)
    return await AFFILIATION.move(actor, row, transition, told, where={"organization_id": row.organization_id})


async def people(actor: Actor, ids: Iterable[ObjectId], fields: Names | None) -> Mapping[object, User]:
    """Who these people are: they need not be in the organization that they sell for."""
    return await User.by_ids(PLATFORM, ids)


async def organizations(actor: Actor, ids: Iterable[ObjectId], fields: Names | None) -> Mapping[object, Organization]:
    """Which these organizations are: who sells for one need not be in it."""
    return await Organization.by_ids(PLATFORM, ids)

"""Invitations: places offered by e-mail."""

from dataclasses import asdict
from typing import Annotated, Self

from bson import ObjectId
from pydantic import Field, model_validator

from app.core import changes, quotas
from app.core.actor import Actor
from app.core.clock import now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Forbidden, NotFound, Unauthenticated
from app.core.machines import Machine, Transition, lacks, only_platform
from app.core.paging import Page, PageArgs
from app.core.words import Words, words
from app.models import (
    Invitation,
    InvitationDocument,
    InvitationState,
    Membership,
    MembershipDocument,
    MembershipState,
    Organization,
    OrganizationState,
    Permission,
    Role,
    User,
)
from app.models.organizations.events import InvitationChanged, MemberInvited, MembershipChanged
from app.services.identity import tokens
from app.services.identity.accounts import Email
from app.services.organizations import roles
from app.services.organizations.roles import BuiltIn, Holding, RoleAbove, RoleId, outranks
from app.services.organizations.seats import SEATS, VALID, held_until

PENDING = InvitationState.PENDING
PLATFORM = Actor.platform()


class AlreadyMember(Conflict):
    code = "ALREADY_MEMBER"


class AlreadyInvited(Conflict):
    code = "ALREADY_INVITED"


class ForAnotherAddress(Forbidden):
    """The invitation went to an address that is not the caller's."""

    code = "FOR_ANOTHER_ADDRESS"


class Invite(Command):
    """Whom to invite, and as what: in a built-in or a custom role, as a member if none is named."""

    email: Email
    role: BuiltIn | None = None
    custom_role_id: RoleId | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.role and self.custom_role_id:
            raise ValueError(words("Name one role, built-in or custom."))
        return self


class Acceptance(Command):
    """The token of an invitation's e-mail."""

    token: Annotated[str, Field(max_length=200)]


class InvitationAction(Command):
    """An invitation to the organization."""

    invitation_id: Annotated[ObjectId, Ref("Invitation")]


def _inviting(actor: Actor, row: Invitation) -> Words | None:
    if actor.system or actor.can(Permission.MEMBERS_INVITE):
        return None
    return lacks(Permission.MEMBERS_INVITE)


INVITATION = Machine(
    Transition("accept", frozenset({PENDING}), InvitationState.ACCEPTED, only_platform),
    Transition("revoke", frozenset({PENDING}), InvitationState.REVOKED, _inviting),
    Transition("expire", frozenset({PENDING}), InvitationState.EXPIRED, only_platform, after=VALID),
)


@changes.atomic
async def invite(actor: Actor, given: Invite) -> Invitation:
    """Offer a place; the e-mail goes out by a job.

    Raises NotFound for a custom role that is not there, RoleAbove, AlreadyMember, AlreadyInvited or QuotaReached.
    """
    assert actor.organization_id
    assert actor.user_id
    built_in = given.role or (None if given.custom_role_id else Role.MEMBER)
    holding = await roles.holding(actor, built_in, given.custom_role_id, ["input", "customRoleId"])
    if not outranks(actor, holding.permissions):
        raise RoleAbove("One cannot give a role above one's own.", path=["input", "role"])
    person = await User.lookup(actor, email=given.email)
    if person and await Membership.lookup(actor, user_id=person.id, state={"$ne": MembershipState.LEFT.value}):
        raise AlreadyMember("{email} is a member already.", path=["input", "email"], email=given.email)
    moment = now()
    invitation = InvitationDocument(
        organization_id=actor.organization_id,
        email=given.email,
        role=holding.role,
        custom_role_id=holding.custom_role_id,
        invited_by_id=actor.user_id,
        created_at=moment,
        changed_at=moment,
    )
    await quotas.reserve(actor, SEATS, until=held_until(moment), id=invitation.id)
    pending = Invitation.within(actor, email=given.email, state=PENDING.value)
    stored, created = await changes.insert_once(invitation, pending, MemberInvited(actor, invitation=invitation.id))
    if not created:
        raise AlreadyInvited("{email} has an invitation already.", path=["input", "email"], email=given.email)
    return stored


async def find(actor: Actor, id: ObjectId) -> Invitation | None:
    return await Invitation.lookup(actor, _id=id)


async def pending(actor: Actor, page: PageArgs) -> Page[Invitation]:
    return await Invitation.page(actor, page, {"state": PENDING.value})


@changes.atomic
async def revoke(actor: Actor, given: InvitationAction) -> Invitation:
    """Take an invitation back. Raises NotFound or IllegalTransition."""
    return await _move(actor, await Invitation.require(actor, given.invitation_id), "revoke")


@changes.atomic
async def accept(actor: Actor, given: Acceptance) -> Membership:
    """Take the place that the token's invitation offers the actor's address.

    Raises NotFound, ForAnotherAddress or IllegalTransition.
    """
    invitation = await _of(given.token)
    person = await User.lookup(Actor(user_id=actor.user_id))
    if person is None or person.email != invitation.email:
        raise ForAnotherAddress(
            "This invitation is for {email}: sign in with that address.",
            path=["input", "token"],
            email=invitation.email,
        )
    if invitation.created_at + VALID <= now():
        raise NotFound("This invitation is over: ask for another.", path=["input", "token"])
    inside = Actor(invitation.organization_id, person.id, actor.session_id)
    built_in = None if invitation.custom_role_id else invitation.role
    holding = await roles.holding(inside, built_in, invitation.custom_role_id, ["input", "token"])
    await quotas.settle(inside, SEATS, invitation.id)
    await _move(Actor.platform(invitation.organization_id), invitation, "accept")
    return await admit(inside, holding)


@changes.atomic
async def join(actor: Actor, role: Role) -> Membership:
    """Give the actor a seat in their organization, and a place as `admit` does. Raises QuotaReached."""
    await quotas.spend(actor, SEATS)
    return await admit(actor, Holding(role))


@changes.atomic
async def admit(actor: Actor, holding: Holding) -> Membership:
    """Give the actor, who has a seat, an active place in their organization; one who left comes back to theirs.

    Raises AlreadyMember, and NotFound for an organization that closes.
    """
    assert actor.organization_id
    assert actor.user_id
    moment = now()
    # A write, so that somebody who joins and the closing of the organization conflict: it must see every place.
    here = {"_id": actor.organization_id, "state": OrganizationState.ACTIVE.value}
    if not await changes.change(Organization, here, {"$inc": {"place_changes": 1}}):
        raise NotFound("There is no such organization any more.")
    place = MembershipDocument(
        organization_id=actor.organization_id,
        user_id=actor.user_id,
        **asdict(holding),
        created_at=moment,
        changed_at=moment,
    )
    granted = list(holding.granted)
    told = MembershipChanged(
        actor, user=actor.user_id, state=place.state.value, role=holding.role.value, granted=granted
    )
    membership: Membership
    membership, created = await changes.insert_once(place, Membership.within(actor, user_id=actor.user_id), told)
    if not created:
        if membership.state is not MembershipState.LEFT:
            raise AlreadyMember("You are a member already.")
        again = {"$set": {"state": MembershipState.ACTIVE.value, **holding.columns, "changed_at": moment}}
        membership = (
            await changes.change(Membership, Membership.within(actor, _id=membership.id), again, told) or membership
        )
    belongs = {"$addToSet": {"organization_ids": actor.organization_id}}
    await changes.change(User, {"_id": actor.user_id}, belongs)
    first = {"$set": {"last_organization_id": actor.organization_id}}
    await changes.change(User, {"_id": actor.user_id, "last_organization_id": None}, first)
    return membership


@changes.atomic
async def expire(organization_id: ObjectId, id: ObjectId) -> None:
    """Let an invitation's time run out; nothing happens when it was answered meanwhile."""
    platform = Actor.platform(organization_id)
    invitation = await Invitation.lookup(platform, _id=id, state=PENDING.value)
    if invitation is not None:
        await _move(platform, invitation, "expire")


async def overdue(limit: int) -> list[Invitation]:
    """Invitations whose time has run out, in every organization."""
    return await Invitation.select(PLATFORM, INVITATION.due(INVITATION.transitions["expire"]), limit=limit)


async def _of(token: str) -> Invitation:
    try:
        id = tokens.invited(token)
    except Unauthenticated:
        raise NotFound("There is no such invitation.", path=["input", "token"]) from None
    return await Invitation.require(PLATFORM, id)


async def _move(actor: Actor, invitation: Invitation, transition: str) -> Invitation:
    target = INVITATION.transitions[transition].target
    if transition != "accept":
        await quotas.release(actor, SEATS, invitation.id)
    told = InvitationChanged(actor, invitation=invitation.id, state=target.value)
    return await INVITATION.move(actor, invitation, transition, told, where={"organization_id": actor.organization_id})

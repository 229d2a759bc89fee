"""Erasing a person: asked for, taken back, and done, by a saga that is driven by what every column declares.

grace   they have time to change their mind
close   they are signed out everywhere and leave every organization; from here on there is no way back
erase   what the columns declare goes, then the person themselves
shred   their data key goes, and with it what is sealed in places that cannot be rewritten
"""

from dataclasses import asdict
from datetime import datetime, timedelta

from bson import ObjectId

from app.core import changes, keyring, sagas
from app.core.actor import Actor
from app.core.clock import now
from app.core.commands import Command
from app.core.errors import Conflict, Invalid
from app.core.jobs import Permanent
from app.core.sagas import Answer, Saga, SagaType, Step
from app.core.settings import settings
from app.models import Erasure, Membership, MembershipState, Organization, OrganizationState, Role, Session, User
from app.models.identity.events import ProfileChanged, SessionEnded
from app.models.organizations.events import MembershipChanged
from app.models.privacy.events import ErasureCancelled, ErasureRequested, PersonErased
from app.services.identity.accounts import Email
from app.services.privacy import registry
from app.services.privacy.registry import PLATFORM

ROWS = 1_000
"""Rows deleted in one command."""
QUIET = timedelta(seconds=60)
"""For so long something that began before they were signed out may still write."""


class EmailMismatch(Invalid):
    """The address is not that of the account: perhaps another one is meant."""

    code = "EMAIL_MISMATCH"


class ErasureUnderway(Conflict):
    """The person is to be erased already."""

    code = "ERASURE_REQUESTED"


class SoleOwner(Conflict):
    """An organization would be left without an owner."""

    code = "SOLE_OWNER"


class ErasureRequest(Command):
    """That everything known of oneself shall go."""

    email: Email


@changes.atomic
async def request(actor: Actor, given: ErasureRequest) -> User:
    """Let the actor be erased after the grace period. Raises EmailMismatch, SoleOwner or ErasureUnderway."""
    assert actor.user_id
    user = await User.require(PLATFORM, actor.user_id)
    if given.email != user.email:
        raise EmailMismatch("This is not the address of the account.", path=["input", "email"])
    if await _owned_alone(user):
        raise SoleOwner("Somebody else must own your organization first, or it must be deleted.")
    moment = now()
    due = moment + timedelta(days=settings().erasure_grace_days)
    saga = await sagas.start(ERASURE, _outside(user.id), {"user": user.id, "due_at": due})
    erasure = Erasure(moment, due, saga.id)
    told = ErasureRequested(_outside(user.id), user=user.id)
    where = {"_id": user.id, "erasure": None}
    changed = await changes.change(User, where, {"$set": {"erasure": asdict(erasure)}}, told)
    if changed is None:
        raise ErasureUnderway("You are to be erased already.")
    return changed


@changes.atomic
async def cancel(actor: Actor) -> User:
    """Stay after all; nothing happens to who stays anyway. Raises sagas.PastReturn."""
    assert actor.user_id
    user = await User.require(PLATFORM, actor.user_id)
    if user.erasure is None:
        return user
    await sagas.cancel(user.erasure.saga_id, "taken back")
    return await _keep(user.id, user.erasure.saga_id, failed=False) or user


@changes.atomic
async def again(id: ObjectId) -> None:
    """Erase at once a person whom a restore has brought back; nothing happens where they are not."""
    if await User.lookup(PLATFORM, _id=id, erased_at=None):
        await sagas.start(ERASURE, _outside(id), {"user": id, "due_at": now(), "again": True})


async def _keep(id: ObjectId, saga_id: ObjectId, *, failed: bool) -> User | None:
    told = ErasureCancelled(_outside(id), user=id, failed=failed)
    where = {"_id": id, "erasure.saga_id": saga_id}
    return await changes.change(User, where, {"$set": {"erasure": None}}, told)


async def _wait(saga: Saga) -> Answer:
    user = await User.require(PLATFORM, saga.data["user"])
    if not saga.data.get("again") and await _owned_alone(user):
        raise Permanent("an organization would be left without an owner")
    return None


async def _keep_after_all(saga: Saga) -> Answer:
    await _keep(saga.data["user"], saga.id, failed=saga.stop is None)
    return None


async def _close(saga: Saga) -> Answer:
    user = await User.require(PLATFORM, saga.data["user"])
    for session in await Session.select(PLATFORM, {"user_id": user.id, "ended_at": None}):
        told = SessionEnded(_outside(user.id), user=user.id, session=session.id, reason="erased")
        await changes.change(Session, {"_id": session.id, "ended_at": None}, {"$set": {"ended_at": now()}}, told)
    for id in user.organization_ids:
        await _leave(Actor.platform(id), user.id)
    return None


async def _leave(inside: Actor, user_id: ObjectId) -> None:
    here = {"state": {"$ne": MembershipState.LEFT.value}}
    place = await Membership.lookup(inside, here, user_id=user_id)
    if place is not None:
        left = MembershipState.LEFT.value
        told = MembershipChanged(inside, user=user_id, state=left, role=place.role.value)
        set = {"state": left, "changed_at": now()}
        await changes.change(Membership, Membership.within(inside, here, _id=place.id), {"$set": set}, told)


def _quiet(saga: Saga) -> datetime:
    return now() + min(QUIET, timedelta(seconds=settings().graphql_timeout_seconds))


async def _erase(saga: Saga) -> Answer:
    user = await User.require(PLATFORM, saga.data["user"])
    async for place in registry.places(user):
        if place.subject.whole:
            while await changes.erase(place.model, place.where, limit=ROWS):
                pass
        elif place.subject.becomes:
            told = [ProfileChanged(PLATFORM, user=user.id)] if place.model is User else []
            await changes.change_all(place.model, place.where, {"$set": place.subject.cleared(user.id)}, *told)
    return None


@changes.atomic
async def _shred(saga: Saga) -> Answer:
    id = saga.data["user"]
    told = PersonErased(PLATFORM, user=id)
    set = {"erasure": None, "erased_at": now()}
    await changes.change(User, {"_id": id, "erased_at": None}, {"$set": set}, told)
    await keyring.destroy(keyring.person(id), changes.session())
    return None


async def _owned_alone(user: User) -> bool:
    """Whether an organization that lives has this person as its only owner."""
    owner = {"role": Role.OWNER.value, "state": MembershipState.ACTIVE.value}
    for place in await Membership.select(PLATFORM, {"user_id": user.id, **owner}):
        inside = Actor.platform(place.organization_id)
        others = await Membership.select(inside, {**owner, "user_id": {"$ne": user.id}}, limit=1)
        if not others and await Organization.lookup(inside, state=OrganizationState.ACTIVE.value, deletion=None):
            return True
    return False


def _outside(user_id: ObjectId) -> Actor:
    """The person, in no organization: this is between them and the platform."""
    return Actor(user_id=user_id)


ERASURE = SagaType(
    "person_erasure",
    Step("grace", _wait, _keep_after_all, due=lambda saga: saga.data["due_at"]),
    Step("close", _close, final=True, attempts=20),
    Step("erase", _erase, due=_quiet, attempts=20, timeout=600),
    Step("shred", _shred, attempts=20),
)

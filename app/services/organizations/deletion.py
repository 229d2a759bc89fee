"""Deleting an organization: asked for, taken back, and done, by a saga that takes back all it can if a step fails.

grace   the owners have time to change their minds
close   nobody acts in it any more
erase   everything it owns goes but empty conversations; from here on there is no way back
bury    they go, and what was still under way as it was closed; its name is free again, the row stays as a tombstone;
        its data key goes, and with it what is sealed in places that cannot be rewritten
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes, keyring, sagas
from app.core.actor import Actor
from app.core.clock import FIRST_ID, now
from app.core.commands import Command
from app.core.errors import Conflict, Invalid
from app.core.jobs import Permanent
from app.core.machines import Machine, Transition, only_platform
from app.core.paging import OLDEST
from app.core.sagas import Again, Answer, Saga, SagaType, Step
from app.core.settings import settings
from app.core.words import Words, words
from app.models import (
    TENANT_DOCUMENTS,
    Conversation,
    ConversationDocument,
    Deletion,
    Duty,
    Message,
    MessageDocument,
    Organization,
    OrganizationState,
    User,
    is_suspended,
)
from app.models.organizations.events import (
    DeletionNews,
    OrganizationChanged,
    OrganizationDeleted,
    OrganizationDeletionCancelled,
    OrganizationDeletionRequested,
    OrganizationReinstated,
    OwnerNoticeDue,
)
from app.services.identity import keys
from app.services.organizations import members

ACTIVE, SUSPENDED = OrganizationState.ACTIVE, OrganizationState.SUSPENDED
CLOSED, DELETED = OrganizationState.CLOSED, OrganizationState.DELETED
PLACES = 200
"""Members kept out, or let back in, in one call."""
ROWS = 1_000
"""Rows deleted in one call."""
TALKS = 100
"""Conversations whose messages are deleted together."""
NAME = "Deleted organization"
STRAGGLERS = timedelta(minutes=15)
"""For so long something that began before the doors closed, a frozen process, say, may still write rows."""


class SlugMismatch(Invalid):
    """The slug is not the organization's: perhaps another one is meant."""

    code = "SLUG_MISMATCH"


class DeletionRequested(Conflict):
    """The organization is to be deleted already."""

    code = "DELETION_REQUESTED"


class OrganizationDeletion(Command):
    """That the organization and everything in it shall go."""

    slug: Annotated[str, Field(max_length=40, description="The organization's, so that no other one is meant.")]
    reason: Annotated[str, Field(max_length=500)] = ""


def _suspending(actor: Actor, row: Organization) -> Words | None:
    if actor.system or Duty.ORGANIZATIONS_SUSPEND in actor.duties:
        return None
    return words("Only the platform does this.")


ORGANIZATION = Machine(
    Transition("close", frozenset({ACTIVE}), CLOSED, only_platform),
    Transition("reopen", frozenset({CLOSED}), ACTIVE, only_platform),
    Transition("suspend", frozenset({ACTIVE}), SUSPENDED, _suspending),
    Transition("reinstate", frozenset({SUSPENDED}), ACTIVE, _suspending),
    Transition("bury", frozenset({CLOSED}), DELETED, only_platform),
)


@changes.atomic
async def request(actor: Actor, given: OrganizationDeletion) -> Organization:
    """Let the actor's organization be deleted after the grace period. Raises SlugMismatch or DeletionRequested."""
    assert actor.organization_id
    assert actor.user_id
    organization = await Organization.require(actor, actor.organization_id)
    if given.slug != organization.slug:
        raise SlugMismatch("The slug of this organization is “{slug}”.", path=["input", "slug"], slug=organization.slug)
    moment = now()
    due = moment + timedelta(days=settings().organization_deletion_grace_days)
    saga = await sagas.start(DELETION, actor, {"due_at": due})
    deletion = Deletion(moment, due, actor.user_id, given.reason, saga.id)
    told = OrganizationDeletionRequested(actor, organization=organization.id)
    where = {"_id": organization.id, "state": ACTIVE.value, "deletion": None}
    changed = await changes.change(Organization, where, {"$set": {"deletion": asdict(deletion)}}, told)
    if changed is None:
        raise DeletionRequested("The organization is to be deleted already.")
    return changed


@changes.atomic
async def cancel(actor: Actor) -> Organization:
    """Keep the actor's organization after all; nothing happens to one that stays. Raises sagas.PastReturn."""
    assert actor.organization_id
    organization = await Organization.require(actor, actor.organization_id)
    if organization.deletion is None:
        return organization
    await sagas.cancel(organization.deletion.saga_id, f"taken back by {actor.name}")
    return await _keep(actor, organization.id, organization.deletion.saga_id, failed=False) or organization


@changes.atomic
async def again(id: ObjectId) -> None:
    """Delete at once an organization that a restore has brought back; nothing happens to one that is not there."""
    inside = Actor.platform(id)
    row = await Organization.lookup(inside, {"state": {"$ne": DELETED.value}}, _id=id)
    if row is None:
        return
    if row.state is SUSPENDED:
        told = OrganizationReinstated(inside, organization=id)
        await ORGANIZATION.move(inside, row, "reinstate", told, suspension=None)
    await sagas.start(DELETION, inside, {"due_at": now()})


@changes.atomic
async def notify_owners(id: ObjectId, news: DeletionNews) -> None:
    """Let every owner of the organization hear the news."""
    inside = Actor.platform(id)
    owners = await members.owners(inside)
    changes.emit(*(OwnerNoticeDue(inside, organization=id, user=owner.id, news=news.value) for owner in owners))


async def _keep(actor: Actor, id: ObjectId, saga_id: ObjectId, *, failed: bool) -> Organization | None:
    """Forget the request that began this saga, and tell it, once; there may be a newer one by now."""
    told = OrganizationDeletionCancelled(actor, organization=id, failed=failed)
    where = {"_id": id, "deletion.saga_id": saga_id}
    return await changes.change(Organization, where, {"$set": {"deletion": None}}, told)


async def _wait(saga: Saga) -> Answer:
    return None  # nobody has changed their mind by now


async def _keep_after_all(saga: Saga) -> Answer:
    await _keep(*_inside(saga), saga.id, failed=saga.stop is None)
    return None


async def _close(saga: Saga) -> Answer:
    actor, id = _inside(saga)
    if await is_suspended(id):
        raise Permanent("it is suspended: what it was suspended for must stay")
    await _move(saga, "close")
    closed = await members.close(actor, PLACES) or await keys.close(actor, PLACES)
    return Again() if closed else {"closed_at": now()}


async def _reopen(saga: Saga) -> Answer:
    actor, _ = _inside(saga)
    await _move(saga, "reopen")
    reopened = await members.reopen(actor, PLACES) or await keys.reopen(actor, PLACES)
    return Again() if reopened else None


def _settled(saga: Saga) -> datetime:
    """When whatever was under way as the doors closed has ended."""
    closed_at: datetime = saga.data["closed_at"]
    return closed_at + timedelta(seconds=settings().graphql_timeout_seconds)


async def _erase(saga: Saga) -> Answer:
    actor, id = _inside(saga)
    if not await Organization.lookup(actor, _id=id, state=CLOSED.value):
        raise Permanent("people may be at work in it: its doors are not closed")
    return await _erase_messages(saga, actor) or await _erase_rows(actor)


async def _erase_messages(saga: Saga, actor: Actor) -> Answer:
    """Delete a batch of messages by their conversations: messages have no index of their organization alone.

    Conversations stay, so that what is still being sent to them is found at the burial.
    """
    beyond = {"_id": {"$gt": saga.data.get("emptied", FIRST_ID)}}
    talks = await Conversation.select(actor, beyond, fields=frozenset(), order=OLDEST, limit=TALKS)
    if not talks:
        return None
    ids = {"$in": [talk.id for talk in talks]}
    gone = await changes.erase(Message, Message.within(actor, conversation_id=ids), limit=ROWS)
    return Again() if gone else Again({"emptied": talks[-1].id})


async def _erase_rows(actor: Actor) -> Answer:
    """Delete a batch of what is in the organization, conversations and their messages aside."""
    left = ROWS
    for document in TENANT_DOCUMENTS:
        if document in (MessageDocument, ConversationDocument):
            continue
        left -= await changes.erase(document, document.within(actor), limit=left)
        if not left:
            return Again()
    people = await User.select(actor, fields=frozenset(), limit=left)
    ids = {"$in": [person.id for person in people]}
    last = {"_id": ids, "last_organization_id": actor.organization_id}
    await changes.change_all(User, last, {"$set": {"last_organization_id": None}})
    await changes.change_all(User, {"_id": ids}, {"$pull": {"organization_ids": actor.organization_id}})
    return Again() if people else None


async def _erase_talk(actor: Actor) -> int:
    """Delete a batch of messages, or of conversations that have none; answers how many."""
    talks = await Conversation.select(actor, fields=frozenset(), limit=TALKS)
    ids = {"$in": [talk.id for talk in talks]}
    if not talks:
        return 0
    gone = await changes.erase(Message, Message.within(actor, conversation_id=ids), limit=ROWS)
    return gone or await changes.erase(Conversation, Conversation.within(actor, _id=ids), limit=ROWS)


def _quiet(saga: Saga) -> datetime:
    return now() + STRAGGLERS


async def _bury(saga: Saga) -> Answer:
    actor, id = _inside(saga)
    if more := Again() if await _erase_talk(actor) else await _erase_rows(actor):
        return more
    # No slug begins with a hyphen, so nobody can take the tombstone's.
    await _move(saga, "bury", name=NAME, slug=f"-{id}", deletion=None)
    await keyring.destroy(keyring.organization(id))
    return None


async def _move(saga: Saga, transition: str, **set: Any) -> None:
    """Take a transition of ORGANIZATION, unless it was taken by an attempt before. Raises IllegalTransition."""
    actor, id = _inside(saga)
    organization = await Organization.require(actor, id)
    if organization.state is not ORGANIZATION.transitions[transition].target:
        kind = OrganizationDeleted if transition == "bury" else OrganizationChanged
        await ORGANIZATION.move(actor, organization, transition, kind(actor, organization=id), **set)


def _inside(saga: Saga) -> tuple[Actor, ObjectId]:
    assert saga.organization_id
    return Actor.platform(saga.organization_id), saga.organization_id


DELETION = SagaType(
    "organization_deletion",
    Step("grace", _wait, _keep_after_all, due=lambda saga: saga.data["due_at"]),
    Step("close", _close, _reopen),
    Step("erase", _erase, due=_settled, final=True, attempts=20),
    Step("bury", _bury, due=_quiet, attempts=20),
)

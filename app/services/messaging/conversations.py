"""Conversations: who talks with whom."""

from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.filters import Filterable, Tree
from app.core.paging import Order, Page, PageArgs
from app.core.rows import Names
from app.models import (
    Conversation,
    ConversationDocument,
    ConversationKind,
    Feature,
    Participant,
    ParticipantDocument,
    ParticipantRole,
)
from app.models.messaging.conversations import MAX_MEMBERS
from app.models.messaging.events import (
    ConversationChanged,
    ConversationStarted,
    ParticipantJoined,
    ParticipantLeft,
)
from app.services.organizations import members, organizations, ties

MAX_AT_START = 100
ACTIVITY = Order(("active_at", "_id"))
FILTERABLE = Filterable(frozenset({"kind", "title", "created_by_id", "created_at", "active_at"}))

UserId = Annotated[ObjectId, Ref("User")]
ConversationId = Annotated[ObjectId, Ref("Conversation")]
Title = Annotated[str, Field(min_length=1, max_length=120)]


class NotAGroup(Conflict):
    """Two people's conversation has no title, and nobody joins or leaves it."""

    code = "NOT_A_GROUP"


class ConversationFull(Conflict):
    code = "CONVERSATION_FULL"


class NewConversation(Command):
    """With whom to talk.

    With one other person and no title it is the direct conversation of the two, which exists once.
    """

    member_ids: Annotated[list[UserId], Field(min_length=1, max_length=MAX_AT_START)]
    title: Title | None = None


class ConversationEdit(Command):
    """Another title for a group."""

    conversation_id: ConversationId
    title: Title
    expected_version: int | None = None


class MembersAddition(Command):
    """Who should join a group."""

    conversation_id: ConversationId
    member_ids: Annotated[list[UserId], Field(min_length=1, max_length=MAX_AT_START)]


class MemberRemoval(Command):
    """Who should leave a group."""

    conversation_id: ConversationId
    user_id: UserId


class ConversationPreferences(Command):
    """One's own settings of a conversation; what is left out stays."""

    conversation_id: ConversationId
    muted: Annotated[bool | None, Field(description="No e-mail tells of its messages.")] = None
    archived: Annotated[bool | None, Field(description="It is left out of the list unless asked for.")] = None


async def newest(actor: Actor, page: PageArgs, *, archived: bool, filter: Tree | None) -> Page[Conversation]:
    """One's conversations, the one with the newest message first."""
    mine: dict[str, Any] = {"$and": [{"member_ids": actor.user_id}]}
    mine["archived_by_ids"] = actor.user_id if archived else {"$ne": actor.user_id}
    if filter:
        mine["$and"].append(FILTERABLE.mongo(filter))
    return await Conversation.page(actor, page, mine, ACTIVITY)


async def find(actor: Actor, id: ObjectId, fields: Names | None = None) -> Conversation | None:
    """The conversation, if the actor is in it."""
    return await Conversation.lookup(actor, _id=id, member_ids=actor.user_id, fields=fields)


async def get(actor: Actor, id: ObjectId, fields: Names | None = None) -> Conversation:
    """The conversation. Raises NotFound unless the actor is in it."""
    found = await find(actor, id, fields)
    if found is None:
        raise NotFound("There is no such {kind}.", kind="Conversation")
    return found


@changes.atomic
async def start(actor: Actor, new: NewConversation) -> Conversation:
    """Begin to talk. Raises NotFound for people who are not active members of the organization.

    A direct conversation raises BlockedByThem, and FeatureOff.
    """
    assert actor.organization_id
    assert actor.user_id
    others = list(dict.fromkeys(id for id in new.member_ids if id != actor.user_id))
    if not others:
        raise Invalid("Name somebody besides yourself.", path=["input", "memberIds"])
    await _must_be_here(actor, others)
    direct = len(others) == 1 and new.title is None
    moment = now()
    conversation = ConversationDocument(
        organization_id=actor.organization_id,
        kind=ConversationKind.DIRECT if direct else ConversationKind.GROUP,
        title=new.title,
        member_ids=[actor.user_id, *others],
        direct_key=":".join(sorted(map(str, [actor.user_id, *others]))) if direct else None,
        created_by_id=actor.user_id,
        created_at=moment,
        active_at=moment,
    )
    told = ConversationStarted(actor, conversation=conversation.id)
    if direct:
        await organizations.must_offer(actor, Feature.DIRECT_MESSAGES)
        await ties.must_be_welcome(actor, others[0])
        same = Conversation.within(actor, direct_key=conversation.direct_key)
        stored, created = await changes.insert_once(conversation, same, told)
        if not created:
            return stored
    else:
        await changes.insert(conversation, told)
    await _admit(actor, conversation.id, [actor.user_id], ParticipantRole.OWNER)
    await _admit(actor, conversation.id, others, ParticipantRole.OWNER if direct else ParticipantRole.MEMBER)
    return conversation


@changes.atomic
async def edit(actor: Actor, edit: ConversationEdit) -> Conversation:
    """Give a group another title. Raises NotFound, NotAGroup or VersionConflict."""
    conversation = await _group(actor, edit.conversation_id)
    where = Conversation.within(actor, _id=conversation.id)
    told = ConversationChanged(actor, conversation=conversation.id)
    set = {"title": edit.title}
    return await changes.edit(Conversation, where, set, told, expected_version=edit.expected_version)


@changes.atomic
async def add_members(actor: Actor, given: MembersAddition) -> Conversation:
    """Let people into a group; who is in it already stays. Raises NotFound, NotAGroup or ConversationFull."""
    conversation = await _group(actor, given.conversation_id)
    new = [id for id in dict.fromkeys(given.member_ids) if id not in set(conversation.member_ids)]
    if not new:
        return conversation
    if len(conversation.member_ids) + len(new) > MAX_MEMBERS:
        raise ConversationFull(
            "A conversation has at most {limit} members.", path=["input", "memberIds"], limit=MAX_MEMBERS
        )
    await _must_be_here(actor, new)
    where = Conversation.within(actor, _id=conversation.id)
    changed = await changes.change(Conversation, where, {"$addToSet": {"member_ids": {"$each": new}}})
    await _admit(actor, conversation.id, new, ParticipantRole.MEMBER)
    return changed or conversation


@changes.atomic
async def remove_member(actor: Actor, given: MemberRemoval) -> Conversation:
    """Take somebody, or oneself, out of a group. Raises NotFound, NotAGroup, Forbidden."""
    conversation = await _group(actor, given.conversation_id)
    mine = await participant(actor, conversation.id)
    if given.user_id != actor.user_id and mine.role is not ParticipantRole.OWNER:
        raise Forbidden("Only an owner of the conversation may take others out.")
    changed = await _take_out(actor, conversation.id, given.user_id)
    if changed is None:
        raise NotFound("They are not in this conversation.", path=["input", "userId"])
    return changed


async def leave_groups(organization_id: ObjectId, user_id: ObjectId) -> None:
    """Take somebody who has left the organization out of its groups: who comes back is let in anew."""
    platform = Actor.platform(organization_id)
    if await members.active_ids(platform, [user_id]):
        return
    groups = {"member_ids": user_id, "kind": ConversationKind.GROUP.value}
    for group in await Conversation.select(platform, groups, fields=frozenset()):
        await _take_out(platform, group.id, user_id)


@changes.atomic
async def prefer(actor: Actor, given: ConversationPreferences) -> Conversation:
    """Change one's own settings of a conversation. Raises NotFound."""
    conversation = await get(actor, given.conversation_id)
    if given.muted is not None:
        where = Participant.within(actor, conversation_id=conversation.id, user_id=actor.user_id)
        await changes.change(Participant, where, {"$set": {"muted": given.muted}})
    if given.archived is not None:
        step = "$addToSet" if given.archived else "$pull"
        where = Conversation.within(actor, _id=conversation.id)
        changed = await changes.change(Conversation, where, {step: {"archived_by_ids": actor.user_id}})
        conversation = changed or conversation
    return conversation


async def must_be_welcome(actor: Actor, conversation: Conversation) -> None:
    """Raises BlockedByThem when the other of a direct conversation has blocked the actor."""
    assert conversation.direct_key
    other = next(id for id in conversation.direct_key.split(":") if id != str(actor.user_id))
    await ties.must_be_welcome(actor, ObjectId(other))


async def participant(actor: Actor, conversation_id: ObjectId) -> Participant:
    """The actor's own side of a conversation. Raises NotFound."""
    found = await Participant.lookup(actor, conversation_id=conversation_id, user_id=actor.user_id)
    if found is None:
        raise NotFound("There is no such {kind}.", kind="Conversation")
    return found


@changes.atomic
async def _take_out(actor: Actor, id: ObjectId, user_id: ObjectId) -> Conversation | None:
    """The group without the person; None when they were not in it. The first of the others inherits it if need be."""
    told = ParticipantLeft(actor, conversation=id, user=user_id)
    gone = await changes.remove(Participant, Participant.within(actor, conversation_id=id, user_id=user_id), told)
    if gone is None:
        return None
    pulled = {"$pull": {"member_ids": user_id, "archived_by_ids": user_id}}
    changed = await changes.change(Conversation, Conversation.within(actor, _id=id), pulled)
    assert changed, "the scope read it in the same snapshot"
    owner = {"conversation_id": id, "role": ParticipantRole.OWNER.value}
    if gone.role is ParticipantRole.OWNER and changed.member_ids and not await Participant.lookup(actor, owner):
        heir = Participant.within(actor, conversation_id=id, user_id=changed.member_ids[0])
        inherited = ConversationChanged(actor, conversation=id)
        await changes.change(Participant, heir, {"$set": {"role": ParticipantRole.OWNER.value}}, inherited)
    return changed


async def _group(actor: Actor, id: ObjectId) -> Conversation:
    conversation = await get(actor, id)
    if conversation.kind is not ConversationKind.GROUP:
        raise NotAGroup("This is possible in groups only.")
    return conversation


async def _must_be_here(actor: Actor, user_ids: list[ObjectId]) -> None:
    here = await members.active_ids(actor, user_ids)
    for index, id in enumerate(user_ids):
        if id not in here:
            raise NotFound("There is no such {kind}.", kind="User", path=["input", "memberIds", str(index)])


async def _admit(actor: Actor, conversation_id: ObjectId, user_ids: list[ObjectId], role: ParticipantRole) -> None:
    assert actor.organization_id
    moment = now()
    for user_id in user_ids:
        document = ParticipantDocument(
            id=new_id(),
            organization_id=actor.organization_id,
            conversation_id=conversation_id,
            user_id=user_id,
            role=role,
            joined_at=moment,
        )
        await changes.insert(document, ParticipantJoined(actor, conversation=conversation_id, user=user_id))

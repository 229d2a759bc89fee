"""Read state: how far each member has read, and what is left to read."""

from collections.abc import Iterable
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.commands import Command
from app.core.errors import NotFound
from app.core.paging import NEWEST, OLDEST
from app.core.rows import Names
from app.models import Conversation, Message, Participant
from app.models.messaging.events import ConversationRead
from app.services.messaging import conversations
from app.services.messaging.conversations import ConversationId
from app.services.messaging.messages import MessageId

UNREAD_CAP = 100
"""Unread messages are counted up to this."""


class ReadMark(Command):
    """How far one has read: up to a message, or to the newest."""

    conversation_id: ConversationId
    message_id: Annotated[MessageId | None, Field(description="The newest when left out.")] = None


async def mark(actor: Actor, mark: ReadMark) -> Conversation:
    """Move one's mark forward; it never goes back. Raises NotFound."""
    conversation = await conversations.get(actor, mark.conversation_id)
    assert actor.user_id
    newest = (
        await Message.select(actor, {"conversation_id": conversation.id}, order=NEWEST, limit=1)
        if not mark.message_id
        else None
    )
    id = mark.message_id or (newest[0].id if newest else None)
    if id is None:
        return conversation
    if mark.message_id and not await Message.lookup(actor, _id=id, conversation_id=conversation.id, fields=frozenset()):
        raise NotFound("There is no such Message in this conversation.", path=["input", "messageId"])
    behind = {"$or": [{"read_id": None}, {"read_id": {"$lt": id}}]}
    where = Participant.within(actor, behind, conversation_id=conversation.id, user_id=actor.user_id)
    told = ConversationRead(actor, conversation=conversation.id, user=actor.user_id, message=id)
    await changes.change(Participant, where, {"$set": {"read_id": id}}, told)
    return conversation


async def unread(actor: Actor, conversation_ids: Iterable[ObjectId], fields: Names | None) -> dict[ObjectId, int]:
    """How many messages of others each conversation holds that the actor has not read, counted up to UNREAD_CAP."""
    ids = list(conversation_ids)
    return dict.fromkeys(ids, 0) | await Participant.unread(actor, ids, cap=UNREAD_CAP)


async def participants(
    actor: Actor, conversation_ids: Iterable[ObjectId], fields: Names | None
) -> dict[ObjectId, list[Participant]]:
    """Every member's side of each conversation, in the order of joining; nothing of one that the actor is not in."""
    where = {"conversation_id": {"$in": list(conversation_ids)}}
    found: dict[ObjectId, list[Participant]] = {id: [] for id in where["conversation_id"]["$in"]}
    for side in await Participant.select(actor, where, order=OLDEST):
        found[side.conversation_id].append(side)
    return {id: sides for id, sides in found.items() if any(side.user_id == actor.user_id for side in sides)}


async def mine(actor: Actor, conversation_ids: Iterable[ObjectId], fields: Names | None) -> dict[ObjectId, Participant]:
    """The actor's own side of each conversation."""
    where = {"conversation_id": {"$in": list(conversation_ids)}, "user_id": actor.user_id}
    return {side.conversation_id: side for side in await Participant.select(actor, where)}

"""Who is told of messages: those whom they name or answer, as long as they are in the conversation."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from bson import ObjectId

from app.core.actor import Actor
from app.models import Channel, Message, Mode, Notification, NotificationKind, Participant
from app.models.messaging.events import MessageSent, ParticipantNoted
from app.services.notifications import subjects
from app.services.notifications.letters import preview
from app.services.notifications.types.declaration import Notice, NotificationType, Throttle, Told, nobody
from app.services.organizations import members

MAX_TEXT = 140
"""Characters of a message that a notification shows."""

To = tuple[Told[MessageSent], set[ObjectId]]
"""What was sent, and for whose attention it asks."""


async def _named(told: Sequence[Told[MessageSent]]) -> list[Notice]:
    return await _notices([(one, {*one.event.mentions} - {one.event.sender}) for one in told])


async def _answered(told: Sequence[Told[MessageSent]]) -> list[Notice]:
    """A mention counts for more than a reply."""
    answered = ((one, {one.event.answers} if one.event.answers else set[ObjectId]()) for one in told)
    return await _notices([(one, people - {one.event.sender, *one.event.mentions}) for one, people in answered])


async def _notices(asked: Sequence[To]) -> list[Notice]:
    made: list[Notice] = []
    for organization_id in dict.fromkeys(one.change.organization_id for one, people in asked if people):
        if organization_id:
            here = [(one, people) for one, people in asked if people and one.change.organization_id == organization_id]
            made += await _inside(organization_id, here)
    return made


async def _inside(organization_id: ObjectId, to: Sequence[To]) -> list[Notice]:
    inside = Actor.platform(organization_id)
    messages = await Message.by_ids(inside, [one.event.message for one, _ in to])
    present = await _members(inside, [(one.event.conversation, people) for one, people in to])
    made: list[Notice] = []
    for one, people in to:
        message: Message | None = messages.get(one.event.message)
        if message is None or message.deleted_at:
            continue
        made += [
            Notice(
                one.change,
                user_id,
                organization_id,
                preview(message.text, MAX_TEXT),
                actor_id=one.event.sender,
                conversation_id=message.conversation_id,
                message_id=message.id,
            )
            for user_id in people
            if (message.conversation_id, user_id) in present
        ]
    return made


async def _members(
    actor: Actor, asked: Iterable[tuple[ObjectId, Iterable[ObjectId]]]
) -> set[tuple[ObjectId, ObjectId]]:
    pairs = [{"conversation_id": conversation_id, "user_id": {"$in": list(ids)}} for conversation_id, ids in asked]
    sides = await Participant.select(actor, {"$or": pairs}, fields=frozenset({"conversation_id", "user_id"}))
    active = await members.active_ids(actor, [side.user_id for side in sides])
    return {(side.conversation_id, side.user_id) for side in sides if side.user_id in active}


async def _readable(actor: Actor, rows: Sequence[Notification]) -> set[ObjectId]:
    """Those whose messages are there, for who is still in their conversations."""
    messages = await subjects.messages(actor, [row.message_id for row in rows], frozenset({"deleted_at"}))
    return {row.id for row in rows if (found := messages.get(row.message_id)) and not found.deleted_at}


UNREAD_MESSAGES = NotificationType(
    NotificationKind.UNREAD_MESSAGES, ParticipantNoted, nobody, channels={Channel.EMAIL: Mode.IMMEDIATE}
)
MENTION = NotificationType(
    NotificationKind.MENTION, MessageSent, _named, throttle=Throttle(10, timedelta(hours=1)), stands=_readable
)
REPLY = NotificationType(
    NotificationKind.REPLY, MessageSent, _answered, throttle=Throttle(10, timedelta(hours=1)), stands=_readable
)

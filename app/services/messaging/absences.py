"""Members who were away when somebody wrote to them: noted once, until they have read."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import at, now, time_of
from app.core.paging import NEWEST
from app.core.settings import settings
from app.models import Message, Participant
from app.models.messaging.events import AbsenceHeld, MessageSent, ParticipantNoted
from app.services.messaging import presence
from app.services.organizations import members

WINDOW = 10
"""Seconds: messages of one conversation that come within the same window are looked at together."""
NEWS = timedelta(days=1)
"""What is older is no news any more, and nobody is told of it after an outage or an import."""
MAX_UNREAD = 100


def window_end(event: MessageSent) -> datetime:
    """The end of the window in which a message came."""
    seconds = min(WINDOW, max(1, settings().absence_seconds))
    return at((time_of(event.message).timestamp() // seconds + 1) * seconds)


def window_key(event: MessageSent) -> str:
    """Names the conversation and the window in which a message came."""
    return f"{event.conversation}:{window_end(event):%Y-%m-%dT%H:%M:%S}"


def told_at(event: MessageSent) -> datetime:
    """When a message has waited long enough for who is away."""
    return window_end(event) + timedelta(seconds=settings().absence_seconds)


async def note(event: MessageSent) -> None:
    """Note every member who has not read what came up to the end of the message's window, and is not here.

    Not one who muted the conversation, who was told since they last read, or who may not enter the organization.
    """
    end = window_end(event)
    if end < now() - NEWS:
        return
    platform = Actor.platform(event.actor.organization_id)
    newest = await _newest(platform, event.conversation, ObjectId.from_datetime(end))
    if newest is None:
        return
    unread = {"$or": [{"read_id": None}, {"read_id": {"$lt": newest.id}}]}
    others = {"conversation_id": event.conversation, "user_id": {"$ne": newest.sender_id}, "muted": False}
    sides = await Participant.select(platform, others | unread)
    active = await members.active_ids(platform, [side.user_id for side in sides])
    for side in sides:
        if side.user_id not in active:
            continue
        if newest.id > _read_up_to(side) and not _told(side) and not await _here(side):
            same = {"read_id": side.read_id, "noted_id": side.noted_id, "muted": False}
            told = ParticipantNoted(platform, conversation=event.conversation, user=side.user_id, message=newest.id)
            where = Participant.within(platform, same, _id=side.id)
            await changes.change(Participant, where, {"$set": {"noted_id": newest.id}}, told)


async def unread(event: ParticipantNoted | AbsenceHeld) -> Sequence[Message]:
    """What a member who was noted has still not read, the newest first, at most MAX_UNREAD.

    Nothing for one who is here by now, has left or has muted the conversation, or may not enter the organization.
    """
    platform = Actor.platform(event.actor.organization_id)
    side = await Participant.lookup(platform, conversation_id=event.conversation, user_id=event.user, muted=False)
    if side is None or await _here(side) or not await members.active_ids(platform, [side.user_id]):
        return []
    where = {
        "conversation_id": event.conversation,
        "sender_id": {"$ne": event.user},
        "deleted_at": None,
        "_id": {"$gt": _read_up_to(side)},
    }
    return await Message.select(platform, where, order=NEWEST, limit=MAX_UNREAD)


def _read_up_to(side: Participant) -> ObjectId:
    """The id above which messages are unread for a member: what was said before they joined is not news to them."""
    joined = ObjectId.from_datetime(side.joined_at)
    return max(joined, side.read_id) if side.read_id else joined


def _told(side: Participant) -> bool:
    return side.noted_id is not None and side.noted_id > _read_up_to(side)


async def _here(side: Participant) -> bool:
    return await presence.is_online(side.organization_id, side.user_id)


async def _newest(actor: Actor, conversation_id: ObjectId, before: ObjectId) -> Message | None:
    where = {"conversation_id": conversation_id, "deleted_at": None, "_id": {"$lt": before}}
    found = await Message.select(actor, where, fields=frozenset({"sender_id"}), order=NEWEST, limit=1)
    return found[0] if found else None

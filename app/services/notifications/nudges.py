"""Nudges: telling people of their notifications beyond the list of them, as `decisions` has it.

What comes later, or together with others, is looked at again when its time has come, as its reader, with what they
may see by then: what was read, put away or taken back comes no more.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.paging import NEWEST
from app.models import Channel, Mode, Notification, User
from app.models.notifications.events import DigestDue, NotificationCreated, NudgeDue
from app.services.notifications import attention, sayings
from app.services.notifications.decisions import Decision, Outcome, after_quiet, by, decide
from app.services.notifications.sayings import Reader
from app.services.notifications.types.registry import TYPES
from app.services.organizations import members

Finish = Callable[[], Awaitable[None]]
"""Ends the job together with what it has done."""

MAX_DIGEST = 100
"""Notifications that one digest tells of; of others it says how many there are."""
MAX_COUNTED = 10_000


@changes.atomic
async def plan(event: NotificationCreated, finish: Finish) -> None:
    """Tell somebody of a notification that has just been made, or see to it that they are told later."""
    found = await _still(event)
    if found is not None:
        reader, row = found
        type = TYPES[row.kind]
        for decision in decide(type, reader.attention, now()):
            await _follow(reader, row, decision)
        for escalation in type.escalations:
            _nudge_later(reader, row, escalation.channel, row.created_at + escalation.after, escalated=True)
    await finish()


@changes.atomic
async def nudge(event: NudgeDue, finish: Finish) -> None:
    """Tell somebody of a notification by a channel, if they are still to be told."""
    found = await _still(event)
    if found is not None:
        reader, row = found
        type, channel = TYPES[row.kind], Channel(event.channel)
        if event.escalated:
            type = replace(type, channels={**type.channels, channel: Mode.IMMEDIATE})
        moment = max(now(), event.due)  # or a clock that is slow would let it wait for a moment that has come
        await _follow(reader, row, by(type, channel, reader.attention, moment), escalated=event.escalated)
    await finish()


@changes.atomic
async def digest(event: DigestDue, finish: Finish) -> None:
    """Tell somebody by a channel of what was held for this moment and still says something to them."""
    reader, channel = await _reader(event.actor.organization_id, event.user), Channel(event.channel)
    moment = max(now(), event.due)
    if reader is None:
        pass
    elif (later := after_quiet(reader.attention, moment)) > moment:
        changes.emit(replace(event, actor=reader.platform, id=new_id(), due=later))
    else:
        of_now = {"channel": channel.value, "due": {"$lte": event.due}}
        held = {"user_id": event.user, "held": {"$elemMatch": of_now}}
        unread = {"read_at": None, "archived_at": None, **held}
        rows = await Notification.select(reader.platform, unread, order=NEWEST, limit=MAX_DIGEST)
        if standing := await _standing(reader, rows):
            more = await Notification.tally(reader.platform, unread, cap=MAX_COUNTED) - len(rows)
            await sayings.together(reader, channel, standing, event.id, more=more)
        await changes.change_all(Notification, Notification.within(reader.platform, held), {"$pull": {"held": of_now}})
    await finish()


async def _follow(reader: Reader, row: Notification, decision: Decision, *, escalated: bool = False) -> None:
    """Do what was decided."""
    match decision:
        case Decision(channel, Outcome.NOW):
            await sayings.one(reader, channel, row)
        case Decision(channel, Outcome.LATER, datetime() as due):
            _nudge_later(reader, row, channel, due, escalated=escalated)
        case Decision(channel, Outcome.DIGEST, datetime() as due):
            where = Notification.within(reader.platform, _id=row.id)
            await changes.change(Notification, where, {"$push": {"held": {"channel": channel.value, "due": due}}})
            changes.emit(DigestDue(reader.platform, user=reader.user.id, channel=channel.value, due=due))


def _nudge_later(reader: Reader, row: Notification, channel: Channel, due: datetime, *, escalated: bool) -> None:
    user, told = reader.user.id, row.id
    changes.emit(
        NudgeDue(reader.platform, user=user, notification=told, channel=channel.value, due=due, escalated=escalated)
    )


async def _still(event: NotificationCreated | NudgeDue) -> tuple[Reader, Notification] | None:
    """Whom an event is for and of what it tells, if they have not read it and it still says something to them."""
    reader = await _reader(event.actor.organization_id, event.user)
    if reader is None:
        return None
    row = await Notification.lookup(reader.platform, _id=event.notification, read_at=None, archived_at=None)
    return (reader, row) if row is not None and await _standing(reader, [row]) else None


async def _standing(reader: Reader, rows: Sequence[Notification]) -> list[Notification]:
    """Those that still say something to their reader."""
    standing: set[ObjectId] = set()
    for kind in dict.fromkeys(row.kind for row in rows):
        standing |= await TYPES[kind].stands(reader.actor, [row for row in rows if row.kind is kind])
    return [row for row in rows if row.id in standing]


async def _reader(organization_id: ObjectId | None, user_id: ObjectId) -> Reader | None:
    """None for who may not enter the organization any more."""
    inside = Actor.platform(organization_id)
    user = await User.lookup(inside, _id=user_id, erased_at=None)
    if organization_id is None or user is None or not await members.active_ids(inside, [user_id]):
        return None
    return Reader(Actor(organization_id, user_id), inside, user, await attention.of(user, organization_id, now()))

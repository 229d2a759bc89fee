"""Who is told of events of the calendar: those who come, by the clocks of their own time zones."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from bson import ObjectId

from app.core.actor import Actor
from app.core.words import Words, negotiated, words
from app.models import (
    Answer,
    Attendee,
    CalendarEvent,
    CalendarEventState,
    Channel,
    Mode,
    Notification,
    NotificationKind,
    User,
)
from app.models.live.events import Answered, CalendarEventCancelled, ReminderDue
from app.services.notifications.types.declaration import INTERRUPTING, Importance, Notice, NotificationType, Told
from app.services.organizations import members

EVERYWHERE = {**INTERRUPTING, Channel.EMAIL: Mode.IMMEDIATE}


async def _reminded(told: Sequence[Told[ReminderDue]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        inside = Actor.platform(one.change.organization_id)
        event = await CalendarEvent.lookup(inside, _id=one.event.event, state=CalendarEventState.SCHEDULED.value)
        for person in await _coming(inside, one.event.event, (Answer.YES, Answer.MAYBE)) if event else ():
            text = _begins(event.title, one.event.occurrence, person)  # type: ignore[union-attr]
            made.append(_notice(one, person.id, event, text))  # type: ignore[arg-type]
    return made


async def _cancelled(told: Sequence[Told[CalendarEventCancelled]]) -> list[Notice]:
    made: list[Notice] = []
    for one in told:
        inside = Actor.platform(one.change.organization_id)
        event = await CalendarEvent.lookup(inside, _id=one.event.event)
        if event is not None:
            people = await _coming(inside, event.id, (Answer.YES, Answer.MAYBE, Answer.WAITING))
            text = words("{title} does not take place.", title=event.title)
            made += [_notice(one, person.id, event, text) for person in people]
    return made


async def _seated(told: Sequence[Told[Answered]]) -> list[Notice]:
    """Who has waited for a seat and got one; all others know what they have answered."""
    made: list[Notice] = []
    for one in told:
        if one.change.actor == Actor.platform().name:
            inside = Actor.platform(one.change.organization_id)
            event = await CalendarEvent.lookup(inside, _id=one.event.event)
            if event is not None:
                text = words("A seat is free at {title}, and it is yours.", title=event.title)
                made.append(_notice(one, one.event.user, event, text))
    return made


async def _coming(actor: Actor, event_id: ObjectId, answers: Iterable[Answer]) -> list[User]:
    """Those who have answered so and may enter the organization."""
    rows = await Attendee.select(actor, {"event_id": event_id, "answer": {"$in": [one.value for one in answers]}})
    active = await members.active_ids(actor, [row.user_id for row in rows])
    return await User.select(actor, {"_id": {"$in": list(active)}})


def _notice(
    told: Told[ReminderDue] | Told[CalendarEventCancelled] | Told[Answered],
    user_id: ObjectId,
    event: CalendarEvent,
    text: Words,
) -> Notice:
    return Notice(told.change, user_id, event.organization_id, text, event_id=event.id)


def _begins(title: str, moment: datetime, person: User) -> Words:
    local = moment.astimezone(ZoneInfo(person.time_zone))
    day = format_date(local, "d MMMM", locale=negotiated(person.locale))
    return words("{title} begins on {day} at {time}.", title=title, day=day, time=f"{local:%H:%M}")


async def _on(actor: Actor, rows: Sequence[Notification]) -> set[ObjectId]:
    """Those whose events still take place."""
    scheduled = {"_id": {"$in": [row.event_id for row in rows]}, "state": CalendarEventState.SCHEDULED.value}
    found = {event.id for event in await CalendarEvent.select(actor, scheduled, fields=frozenset())}
    return {row.id for row in rows if row.event_id in found}


REMINDER = NotificationType(
    NotificationKind.REMINDER, ReminderDue, _reminded, EVERYWHERE, Importance.URGENT, stands=_on
)
CANCELLATION = NotificationType(
    NotificationKind.CANCELLATION, CalendarEventCancelled, _cancelled, EVERYWHERE, Importance.URGENT
)
SEAT = NotificationType(NotificationKind.SEAT, Answered, _seated, EVERYWHERE, stands=_on)

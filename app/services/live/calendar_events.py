"""Events of the calendar: what takes place in an organization, once or again and again."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from bson import ObjectId
from pydantic import AfterValidator, Field, model_validator

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now, reached
from app.core.commands import Command, Ref, in_utc
from app.core.errors import Conflict, Invalid
from app.core.machines import Machine, Transition
from app.core.paging import Order, Page, PageArgs
from app.core.regions import TimeZone
from app.core.words import Words, words
from app.models import (
    Answer,
    AttendeeDocument,
    CalendarEvent,
    CalendarEventDocument,
    CalendarEventState,
    Frequency,
    Permission,
    Recurrence,
)
from app.models.backlogs import work_off
from app.models.live.events import CalendarEventCancelled, CalendarEventScheduled, ReminderDue
from app.services.live import occurrences

PLATFORM = Actor.platform()
SCHEDULED, CANCELLED = CalendarEventState.SCHEDULED, CalendarEventState.CANCELLED
LONGEST = 7 * 24 * 60
EARLIEST = 4 * 7 * 24 * 60
"""Minutes before an occurrence at which its first reminder may be due."""
MAX_REMINDERS = 5
"""Of one event."""


class AlreadyOver(Conflict):
    """Nothing of it is to come."""

    code = "ALREADY_OVER"


def _stated(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("Say in which time zone this is: 2026-03-29T18:00:00+02:00, or end it with Z.")
    return moment


Moment = Annotated[datetime, AfterValidator(_stated), AfterValidator(in_utc)]
Title = Annotated[str, Field(min_length=1, max_length=120)]
Minutes = Annotated[int, Field(ge=0, le=EARLIEST)]
Weekday = Annotated[int, Field(ge=0, le=6)]


class RecurrenceRule(Command):
    """When it comes again: every so many days, weeks, months or years, so often in all or until a moment."""

    frequency: Frequency
    interval: Annotated[int, Field(ge=1, le=100)] = 1
    weekdays: Annotated[
        list[Weekday] | None, Field(max_length=7, description="Of weekly ones: 0 is Monday. Of the first if left out.")
    ] = None
    count: Annotated[int | None, Field(ge=1, le=1_000)] = None
    until: Moment | None = None

    @model_validator(mode="after")
    def _weekly(self) -> Self:
        if self.weekdays and self.frequency is not Frequency.WEEKLY:
            raise ValueError("Only what comes weekly has weekdays.")
        return self

    @property
    def stored(self) -> Recurrence:
        weekdays = sorted({*self.weekdays}) if self.weekdays else None
        return Recurrence(self.frequency, self.interval, weekdays, self.count, self.until)


class NewCalendarEvent(Command):
    """Something that is to take place."""

    title: Title
    description: Annotated[str, Field(max_length=5_000)] = ""
    place: Annotated[str, Field(max_length=200, description="Where, or the link to it.")] = ""
    starts_at: Moment
    time_zone: TimeZone
    minutes: Annotated[int, Field(ge=1, le=LONGEST, description="How long it takes.")]
    recurrence: RecurrenceRule | None = None
    capacity: Annotated[int | None, Field(ge=1, le=100_000, description="How many may come; null for any number.")] = (
        None
    )
    reminders: Annotated[
        list[Minutes] | None,
        Field(max_length=MAX_REMINDERS, description="Minutes before; a day, an hour and ten minutes if left out."),
    ] = None


class CalendarEventAction(Command):
    """An event of the calendar."""

    event_id: Annotated[ObjectId, Ref("CalendarEvent")]


def _hosting(actor: Actor, row: CalendarEvent) -> Words | None:
    if row.host_id == actor.user_id or actor.can(Permission.MEMBERS_MANAGE):
        return None
    return words("Only who has scheduled it may do this, and who manages members.")


CALENDAR_EVENT = Machine(Transition("cancel", frozenset({SCHEDULED}), CANCELLED, _hosting))
USUAL = [24 * 60, 60, 10]
"""Minutes before an event at which reminders go out where nobody has said."""


async def find(actor: Actor, id: ObjectId) -> CalendarEvent | None:
    return await CalendarEvent.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[CalendarEvent]:
    """The events of the organization, those last that were scheduled first."""
    return await CalendarEvent.page(actor, page)


@changes.atomic
async def schedule(actor: Actor, given: NewCalendarEvent) -> CalendarEvent:
    """Let something take place; who schedules it comes. Raises AlreadyOver."""
    assert actor.user_id
    assert actor.organization_id
    moment, id = now(), new_id()
    event = CalendarEventDocument(
        id=id,
        organization_id=actor.organization_id,
        host_id=actor.user_id,
        title=given.title,
        description=given.description,
        place=given.place,
        starts_at=given.starts_at,
        time_zone=given.time_zone,
        minutes=given.minutes,
        recurrence=given.recurrence.stored if given.recurrence else None,
        capacity=given.capacity,
        taken=1,
        reminders=sorted({*(USUAL if given.reminders is None else given.reminders)}, reverse=True),
        created_at=moment,
        changed_at=moment,
    )
    weekday = event.starts_at.astimezone(ZoneInfo(event.time_zone)).weekday()
    if event.recurrence and weekday not in (event.recurrence.weekdays or [weekday]):  # calendars differ on what follows
        raise Invalid("It has to begin on one of its weekdays.", path=["input", "recurrence", "weekdays"])
    if next(occurrences.from_(event, moment), None) is None:
        raise AlreadyOver("This would be in the past.", path=["input", "startsAt"])
    event.remind_at = occurrences.next_reminder(event, moment)
    host = AttendeeDocument(
        organization_id=actor.organization_id,
        event_id=id,
        user_id=actor.user_id,
        answer=Answer.YES,
        answered_at=moment,
    )
    await changes.insert(host)
    return await changes.insert(event, CalendarEventScheduled(actor, event=id))


@changes.atomic
async def cancel(actor: Actor, given: CalendarEventAction) -> CalendarEvent:
    """Let it not take place. Raises NotFound, Forbidden or IllegalTransition."""
    row = await CalendarEvent.require(actor, given.event_id)
    told = CalendarEventCancelled(actor, event=row.id)
    where = {"organization_id": actor.organization_id}
    return await CALENDAR_EVENT.move(actor, row, "cancel", told, where=where, remind_at=None, sequence=row.sequence + 1)


async def remind(moment: datetime) -> int:
    """Let all be reminded of what is due by this moment, and answer how many moments of events that were."""
    order, due = Order(("remind_at", "_id"), descending=False), {"remind_at": reached(moment)}
    return await work_off(CalendarEvent, PLATFORM, due, order, lambda event: _remind(event, moment))


async def _remind(event: CalendarEvent, moment: datetime) -> None:
    """Let those who come be reminded of what is due of an event, and know when the next reminder is.

    Each is told once, for the moment moves in the very write that tells it: of several workers one writes. Of what
    has begun already nobody is reminded any more.
    """
    assert event.remind_at
    inside = Actor.platform(event.organization_id)
    told = [
        ReminderDue(inside, event=event.id, occurrence=occurrence, minutes=minutes)
        for occurrence, minutes in occurrences.reminders_at(event, event.remind_at)
        if occurrence + event.minutes * timedelta(minutes=1) > moment
    ]
    where = CalendarEvent.within(inside, _id=event.id, remind_at=event.remind_at, state=SCHEDULED.value)
    following = occurrences.next_reminder(event, event.remind_at)
    await changes.change(CalendarEvent, where, {"$set": {"remind_at": following}}, *told)

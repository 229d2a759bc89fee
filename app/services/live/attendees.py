"""Who comes to events of the calendar. Seats are counted in the event: they are never more than there are."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict
from app.core.paging import Order, Page, PageArgs
from app.core.rows import Names
from app.models import Answer, Attendee, AttendeeDocument, CalendarEvent, CalendarEventState
from app.models.live.events import Answered
from app.services.live import occurrences
from app.services.live.calendar_events import AlreadyOver

IN_LINE = Order(("answered_at", "_id"), descending=False)


class EventCancelled(Conflict):
    """It does not take place."""

    code = "EVENT_CANCELLED"


class OwnAnswer(StrEnum):
    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


class Rsvp(Command):
    """Whether one comes."""

    event_id: Annotated[ObjectId, Ref("CalendarEvent")]
    answer: OwnAnswer


async def find(actor: Actor, id: ObjectId) -> Attendee | None:
    return await Attendee.lookup(actor, _id=id)


async def answers(actor: Actor, event_ids: Iterable[Any], fields: Names | None) -> Mapping[Any, Answer]:
    """What the actor has answered to each of these events."""
    where = {"event_id": {"$in": list(event_ids)}, "user_id": actor.user_id}
    return {row.event_id: row.answer for row in await Attendee.select(actor, where)}


async def of(actor: Actor, event_id: ObjectId, page: PageArgs) -> Page[Attendee]:
    """What people have answered to an event, the first first."""
    return await Attendee.page(actor, page, {"event_id": event_id}, IN_LINE)


@changes.atomic
async def answer(actor: Actor, given: Rsvp) -> Attendee:
    """Say whether one comes; where no seat is left one waits. Raises NotFound, EventCancelled or AlreadyOver."""
    assert actor.user_id
    assert actor.organization_id
    event, moment = await CalendarEvent.require(actor, given.event_id), now()
    if event.state is CalendarEventState.CANCELLED:
        raise EventCancelled("It does not take place.", path=["input", "eventId"])
    if next(occurrences.from_(event, moment), None) is None:
        raise AlreadyOver("It is over.", path=["input", "eventId"])
    made = AttendeeDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        event_id=event.id,
        user_id=actor.user_id,
        answer=Answer.NO,
        answered_at=moment,
    )
    row, _ = await changes.insert_once(made, Attendee.within(actor, event_id=event.id, user_id=actor.user_id))
    wanted = Answer(given.answer.value)
    if wanted is row.answer or (wanted is Answer.YES and row.answer is Answer.WAITING):
        return row
    if wanted is Answer.YES and not await _take_a_seat(actor, event):
        wanted = Answer.WAITING
    if row.answer is Answer.YES:
        await _give_up_a_seat(actor, event)
    return await _set(actor, row, wanted)


async def _take_a_seat(actor: Actor, event: CalendarEvent) -> bool:
    free = {"$or": [{"capacity": None}, {"$expr": {"$lt": ["$taken", "$capacity"]}}]}
    taken = await changes.change(CalendarEvent, CalendarEvent.within(actor, free, _id=event.id), {"$inc": {"taken": 1}})
    return taken is not None


async def _give_up_a_seat(actor: Actor, event: CalendarEvent) -> None:
    """Who has waited longest gets it."""
    waiting = {"event_id": event.id, "answer": Answer.WAITING.value}
    first = await Attendee.select(actor, waiting, order=IN_LINE, limit=1)
    if first:
        await _set(Actor.platform(actor.organization_id), first[0], Answer.YES)
    else:
        await changes.change(CalendarEvent, CalendarEvent.within(actor, _id=event.id), {"$inc": {"taken": -1}})


async def _set(actor: Actor, row: Attendee, answer: Answer) -> Attendee:
    told = Answered(actor, user=row.user_id, event=row.event_id, answer=answer.value)
    set = {"answer": answer.value, "answered_at": now()}
    changed = await changes.change(Attendee, Attendee.within(actor, _id=row.id), {"$set": set}, told)
    assert changed, "the scope read it in the same snapshot"
    return changed

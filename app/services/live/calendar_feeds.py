"""Links by which calendars of people's own follow what they go to, in the form of RFC 5545."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from bson import ObjectId
from icalendar import Calendar, vRecur
from icalendar import Event as Entry

from app.core import changes, seals
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.errors import NotFound
from app.core.rows import Value
from app.core.settings import settings
from app.models import Answer, Attendee, CalendarEvent, CalendarEventState, CalendarFeed, CalendarFeedDocument
from app.services.organizations import members

PLATFORM = Actor.platform()
MOST = 1_000
"""Events of one feed, those last that were answered first."""
WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(slots=True)
class FeedLink(Value):
    """The link of a feed, which is shown once."""

    url: str


@changes.atomic
async def renew(actor: Actor) -> FeedLink:
    """A link to what the actor goes to in their organization; the one before is good no more."""
    assert actor.user_id
    assert actor.organization_id
    secret, moment = secrets.token_urlsafe(24), now()
    made = CalendarFeedDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        user_id=actor.user_id,
        fingerprint=_fingerprint(secret),
        created_at=moment,
    )
    where = CalendarFeed.within(actor, user_id=actor.user_id)
    stored, created = await changes.insert_once(made, where)
    if not created:
        await changes.change(CalendarFeed, where, {"$set": {"fingerprint": made.fingerprint, "created_at": moment}})
    return FeedLink(settings().address(f"calendars/{stored.id}.{secret}.ics"))


async def read(token: str) -> bytes:
    """The feed that a link is for, as iCalendar. Raises NotFound, for who may not enter the organization too."""
    id, _, secret = token.partition(".")
    feed = await CalendarFeed.lookup(PLATFORM, _id=ObjectId(id)) if ObjectId.is_valid(id) else None
    if feed is None or not secrets.compare_digest(feed.fingerprint, _fingerprint(secret)):
        raise NotFound("There is no such {kind}.", kind="CalendarFeed")
    inside = Actor.platform(feed.organization_id)
    if not await members.active_ids(inside, [feed.user_id]):
        raise NotFound("There is no such {kind}.", kind="CalendarFeed")
    coming = {"user_id": feed.user_id, "answer": {"$in": [Answer.YES.value, Answer.MAYBE.value]}}
    answers = {row.event_id: row.answer for row in await Attendee.select(inside, coming, limit=MOST)}
    events = await CalendarEvent.by_ids(inside, answers)
    calendar = Calendar.new(prodid="-//Atrium//Calendar//EN", name="Atrium")
    for event in events.values():
        calendar.add_component(entry(event, answers[event.id]))
    calendar.add_missing_timezones()
    made: bytes = calendar.to_ical()
    return made


def entry(event: CalendarEvent, answer: Answer) -> Entry:
    """An event, all of its occurrences, for somebody who has answered this."""
    starts_at = event.starts_at.astimezone(ZoneInfo(event.time_zone))
    made = Entry()
    made.add("uid", f"{event.id}@{settings().public_url.host}")
    made.add("dtstamp", event.changed_at)
    made.add("dtstart", starts_at)
    made.add("duration", timedelta(minutes=event.minutes))
    made.add("summary", event.title)
    made.add("sequence", event.sequence)
    cancelled = event.state is CalendarEventState.CANCELLED
    made.add("status", "CANCELLED" if cancelled else "CONFIRMED" if answer is Answer.YES else "TENTATIVE")
    for name, value in (("description", event.description), ("location", event.place)):
        if value:
            made.add(name, value)
    if again := event.recurrence:
        rule = {"FREQ": again.frequency.value.upper(), "INTERVAL": again.interval}
        parts = {"COUNT": again.count, "UNTIL": again.until, "BYDAY": [WEEK[day] for day in again.weekdays or ()]}
        made.add("rrule", vRecur(rule | {name: value for name, value in parts.items() if value}))
    return made


def _fingerprint(secret: str) -> bytes:
    return seals.fingerprint("calendar feeds", secret.encode())

"""When events of the calendar take place: the same time of the wall clock each time, whatever happens to the clock."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule

from app.models import CalendarEvent, Frequency

MINUTE = timedelta(minutes=1)
RULES: Mapping[Frequency, Literal[0, 1, 2, 3]] = {
    Frequency.DAILY: DAILY,
    Frequency.WEEKLY: WEEKLY,
    Frequency.MONTHLY: MONTHLY,
    Frequency.YEARLY: YEARLY,
}


def from_(event: CalendarEvent, moment: datetime) -> Iterator[datetime]:
    """The occurrences that begin at a moment or after it, in UTC.

    One whose time the clock skips begins as much later as the clock jumps (RFC 5545, 3.3.5).
    """
    if event.recurrence is None:
        return iter([event.starts_at] if event.starts_at >= moment else [])
    return (one for one in _all(event, moment) if one >= moment)


def following(event: CalendarEvent, moment: datetime, most: int) -> list[datetime]:
    """The first occurrences that begin at a moment or after it."""
    return list(islice(from_(event, moment), most))


def _all(event: CalendarEvent, moment: datetime) -> Iterator[datetime]:
    again, zone = event.recurrence, ZoneInfo(event.time_zone)
    assert again
    first = event.starts_at.astimezone(zone).replace(tzinfo=None)
    until = again.until.astimezone(zone).replace(tzinfo=None) if again.until else None
    rule = rrule(
        RULES[again.frequency],
        dtstart=first,
        interval=again.interval,
        byweekday=again.weekdays or None,
        count=again.count,
        until=until,
    )
    early = moment.astimezone(zone).replace(tzinfo=None) - timedelta(days=1)
    for wall in rule.xafter(early, inc=True):
        yield wall.replace(tzinfo=zone).astimezone(UTC)


def next_reminder(event: CalendarEvent, after: datetime) -> datetime | None:
    """When the first reminder after a moment is due, of an occurrence that begins after it."""
    found: datetime | None = None
    for occurrence in from_(event, after) if event.reminders else ():
        if found and occurrence - max(event.reminders) * MINUTE > found:
            break
        due = [at for minutes in event.reminders if (at := occurrence - minutes * MINUTE) > after]
        found = min([*due, found] if found else due, default=None)
    return found


def reminders_at(event: CalendarEvent, moment: datetime) -> list[tuple[datetime, int]]:
    """Of which occurrences a reminder is due at a moment, and how many minutes before they begin."""
    at = [(moment + minutes * MINUTE, minutes) for minutes in event.reminders]
    return [(one, minutes) for one, minutes in at if next(from_(event, one), None) == one]

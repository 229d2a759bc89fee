"""What happens to events of the calendar and to those who come."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from app.core.changes import Event, OfUser


@dataclass(frozen=True, kw_only=True)
class CalendarEventEvent(Event):
    """In the feed of the organization: who is in it may come."""

    event: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"e:{self.event}"]


@dataclass(frozen=True, kw_only=True)
class CalendarEventScheduled(CalendarEventEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class CalendarEventCancelled(CalendarEventEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class ReminderDue(CalendarEventEvent):
    """An occurrence begins soon; those who come are reminded of it."""

    audited = False

    occurrence: datetime
    minutes: int


@dataclass(frozen=True, kw_only=True)
class Answered(OfUser, Event):
    """Somebody comes or does not, by their own word or because a seat became free."""

    event: ObjectId
    answer: str

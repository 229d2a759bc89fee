from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.core.rows import Value
from app.models.base import DoorRow, StoredDocument, when_due


class CalendarEventState(StrEnum):
    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"


class Frequency(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


@dataclass(slots=True)
class Recurrence(Value):
    """That an event comes again: every so many days, weeks, months or years, so often in all or until a moment.

    Weekly ones come on these weekdays (0 is Monday), or on that of the first.
    """

    frequency: Frequency
    interval: int = 1
    weekdays: list[int] | None = None
    count: int | None = None
    until: datetime | None = None


class CalendarEvent(DoorRow):
    """Something that takes place, once or again and again at the same time of the wall clock of `time_zone`.

    `minutes` is how long it takes; reminders go out so many minutes before each occurrence. `taken` counts those who
    come, who are `capacity` at most.
    """

    collection = "calendar_events"
    data_subjects = (Subject("host_id"),)
    policies = {
        "title description place": keep("it is the organization's, and others are coming"),
        "host_id": PSEUDONYM,
        "starts_at time_zone minutes recurrence capacity taken reminders remind_at": NEUTRAL,
        "state sequence version created_at changed_at": NEUTRAL,
    }
    audited = frozenset({"state"})

    host_id: ObjectId
    title: str
    description: str = ""
    place: str = ""
    starts_at: datetime
    time_zone: str
    minutes: int
    recurrence: Recurrence | None = None
    capacity: int | None = None
    taken: int = 0
    reminders: list[int] = []
    remind_at: datetime | None = None
    """When the next reminder is due; None when there is none any more."""
    state: CalendarEventState = CalendarEventState.SCHEDULED
    sequence: int = 0
    """Rises whenever who comes has to know of a change (RFC 5545, 3.8.7.4)."""
    version: int = 1
    created_at: datetime
    changed_at: datetime


class CalendarEventDocument(StoredDocument, CalendarEvent):
    class Settings:
        name = CalendarEvent.collection
        indexes = [
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("host_id", ASCENDING), ("_id", ASCENDING)]),
            when_due("remind_at"),
        ]

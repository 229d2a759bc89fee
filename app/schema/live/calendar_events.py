from datetime import datetime

import strawberry

from app import models
from app.core.clock import now
from app.core.errors import Invalid
from app.core.paging import Page, PageArgs
from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.fields import batched, computed, edge, pages
from app.schema.kit.filters import in_utc
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.live import attendees, calendar_feeds, occurrences
from app.services.live.calendar_events import CALENDAR_EVENT

strawberry.enum(models.CalendarEventState, description="Whether an event takes place.")
strawberry.enum(models.Frequency, description="How often an event comes again.")
strawberry.enum(models.Answer, description="Whether somebody comes.")
strawberry.enum(attendees.OwnAnswer, description="What one can answer to whether one comes.")
MOST_OCCURRENCES = 50


@strawberry.type(description="That an event comes again, at the same time of the wall clock.")
class Recurrence:
    frequency: models.Frequency
    interval: int = strawberry.field(description="Every so many days, weeks, months or years.")
    weekdays: list[int] | None = strawberry.field(description="Of weekly ones; 0 is Monday.")
    count: int | None = strawberry.field(description="How often in all.")
    until: datetime | None

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.Recurrence)


@strawberry.type(description="What somebody has answered to whether they come.")
class Attendee(Node):
    model = models.Attendee

    user: User | None = edge(models.User, by="user_id")
    answer: models.Answer
    answered_at: datetime


@strawberry.type(description="Something that takes place, once or again and again.")
class CalendarEvent(Node):
    model = models.CalendarEvent

    title: str
    description: str
    place: str
    starts_at: datetime = strawberry.field(description="When its first occurrence begins.")
    time_zone: str
    minutes: int = strawberry.field(description="How long each occurrence takes.")
    recurrence: Recurrence | None
    capacity: int | None = strawberry.field(description="How many may come.")
    taken: int = strawberry.field(description="How many come.")
    reminders: list[int] = strawberry.field(description="Minutes before each occurrence.")
    state: models.CalendarEventState
    host: User | None = edge(models.User, by="host_id", description="Who has scheduled it.")
    my_answer: models.Answer | None = batched(attendees.answers, description="Null for who has answered nothing.")
    created_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(CALENDAR_EVENT)

    @computed(
        "starts_at",
        "time_zone",
        "recurrence",
        description="When the next occurrences begin, from a moment on or from now.",
        personal=False,
    )
    def occurrences(
        row: strawberry.Parent[models.CalendarEvent], first: int = 10, since: datetime | None = None
    ) -> list[datetime]:
        if not 0 < first <= MOST_OCCURRENCES:
            raise Invalid("“first” is 1 to {most}.", most=MOST_OCCURRENCES)
        return occurrences.following(row, in_utc(since, ["since"]) if since else now(), first)

    @pages(Attendee, models.Attendee)
    async def attendees(
        row: strawberry.Parent[models.CalendarEvent], info: Info, page: PageArgs
    ) -> Page[models.Attendee]:
        """Who has answered, those first who did so first."""
        return await attendees.of(info.context.actor, row.id, page)


@strawberry.type(description="A link by which a calendar of one's own follows what one goes to. It is shown once.")
class CalendarFeedLink:
    url: str

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, calendar_feeds.FeedLink)

import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import member, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.live.calendar_events import Attendee, CalendarEvent, CalendarFeedLink
from app.services.live import attendees, calendar_events, calendar_feeds


@strawberry.type
class Query:
    @connection(CalendarEvent, member())
    async def calendar_events(self, info: Info, page: PageArgs) -> Page[models.CalendarEvent]:
        """The events of the organization, those first that were scheduled last."""
        return await calendar_events.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(CalendarEvent, needs(models.Permission.EVENTS_SCHEDULE))
    async def schedule_calendar_event(
        self, info: Info, input: calendar_events.NewCalendarEvent
    ) -> models.CalendarEvent:
        """Let something take place, once or again and again; everybody in the organization may come."""
        return await calendar_events.schedule(info.context.actor, input)

    @mutation(CalendarEvent, member(), fails=(NotFound, Forbidden))
    async def cancel_calendar_event(
        self, info: Info, input: calendar_events.CalendarEventAction
    ) -> models.CalendarEvent:
        """Let an event not take place; those who come are told."""
        return await calendar_events.cancel(info.context.actor, input)

    @mutation(Attendee, member(), fails=(NotFound,))
    async def answer_calendar_event(self, info: Info, input: attendees.Rsvp) -> models.Attendee:
        """Say whether one comes; where no seat is left one waits for one."""
        return await attendees.answer(info.context.actor, input)

    @mutation(CalendarFeedLink, member())
    async def renew_calendar_feed(self, info: Info) -> calendar_feeds.FeedLink:
        """A link to what one goes to, in the form of iCalendar; the one before is good no more."""
        return await calendar_feeds.renew(info.context.actor)

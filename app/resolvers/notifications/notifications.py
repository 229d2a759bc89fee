import strawberry

from app import models
from app.core import changes
from app.core.errors import NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import member
from app.schema.kit.context import Info
from app.schema.kit.feeds import Following
from app.schema.kit.fields import connection, mutation, query, subscription
from app.schema.notifications.events import EVENTS, NotificationEvent
from app.schema.notifications.notifications import Notification, NotificationsMarked
from app.services.notifications import feeds, notifications


@strawberry.type
class Query:
    @connection(Notification, member())
    async def notifications(
        self, info: Info, page: PageArgs, unread_only: bool = False, archived: bool = False
    ) -> Page[models.Notification]:
        """One's notifications, the newest first: those put away, or those not."""
        return await notifications.newest(info.context.actor, page, unread_only=unread_only, archived=archived)

    @query(int, member(on_behalf=True))
    async def unread_notification_count(self, info: Info) -> int:
        """How many notifications one has not read, counted up to 100."""
        return await notifications.count_unread(info.context.actor)

    @query(str, member())
    def notification_cursor(self, info: Info) -> str:
        """For `notificationEvents(after:)`: nothing that happens after this answer is missed."""
        return changes.hub().cursor(info.context.heard, feeds.of(info.context.actor).streams)


@strawberry.type
class Mutation:
    @mutation(NotificationsMarked, member(), fails=(NotFound,))
    async def mark_notifications_read(
        self, info: Info, input: notifications.NotificationsToRead
    ) -> notifications.Marked:
        """Tell which notifications one has read, or that one has read all."""
        return await notifications.mark_read(info.context.actor, input)

    @mutation(NotificationsMarked, member(), fails=(NotFound,))
    async def archive_notifications(
        self, info: Info, input: notifications.NotificationsToArchive
    ) -> notifications.Marked:
        """Put notifications away."""
        return await notifications.archive(info.context.actor, input)


@strawberry.type
class Subscription:
    @subscription(NotificationEvent, member())
    def notification_events(self, info: Info, after: str | None = None) -> Following:
        """What happens to one's notifications, after the cursor of an earlier event or from now on.

        Nothing is missed and nothing comes twice. RESYNC_REQUIRED means that the cursor is too old: read the list
        again and subscribe without one.
        """
        return Following(info.context, feeds.of(info.context.actor), after, EVENTS)

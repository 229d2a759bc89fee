"""What happens to one's notifications, live."""

from typing import Any, ClassVar

import strawberry

from app import models
from app.core.changes import Event
from app.models.notifications import events
from app.schema.kit.feeds import FeedEvent, told
from app.schema.kit.fields import computed
from app.schema.kit.nodes import global_id
from app.schema.notifications.notifications import Notification


@strawberry.interface(description="Something that happened to one's notifications.")
class NotificationEvent(FeedEvent):
    event: ClassVar[type[Event]]


@strawberry.type(description="Something asks for one's attention.")
class NotificationCreated(NotificationEvent):
    event = events.NotificationCreated
    notification: Notification | None = told(models.Notification, by="notification")


def _ids(heard: Any) -> list[strawberry.ID]:
    return [global_id(Notification.__name__, id) for id in heard.event.notifications]


@strawberry.type(description="One has read some, perhaps elsewhere.")
class NotificationsRead(NotificationEvent):
    event = events.NotificationsRead

    @computed(description="Whether it was all that had come by then; `ids` names none in that case.")
    def all(heard: strawberry.Parent[Any]) -> bool:
        return not heard.event.notifications

    @computed(description="Which.")
    def ids(heard: strawberry.Parent[Any]) -> list[strawberry.ID]:
        return _ids(heard)


@strawberry.type(description="One has put some away, perhaps elsewhere.")
class NotificationsArchived(NotificationEvent):
    event = events.NotificationsArchived

    @computed(description="Which.")
    def ids(heard: strawberry.Parent[Any]) -> list[strawberry.ID]:
        return _ids(heard)


EVENTS = [NotificationCreated, NotificationsRead, NotificationsArchived]

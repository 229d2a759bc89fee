"""What happens to a person's notifications; in their own feed, `u:<id>`."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bson import ObjectId

from app.core.changes import Event


@dataclass(frozen=True, kw_only=True)
class NotificationEvent(Event):
    user: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class NotificationCreated(NotificationEvent):
    notification: ObjectId


@dataclass(frozen=True, kw_only=True)
class NotificationsRead(NotificationEvent):
    """These were read; an empty list means all that had come by then."""

    notifications: list[ObjectId] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class NotificationsArchived(NotificationEvent):
    notifications: list[ObjectId] = field(default_factory=list)

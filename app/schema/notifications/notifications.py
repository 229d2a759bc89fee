from datetime import datetime

import strawberry

from app import models
from app.schema.identity.users import User
from app.schema.kit.fields import batched, computed, edge
from app.schema.kit.nodes import Node, global_id
from app.schema.live.calendar_events import CalendarEvent
from app.schema.messaging.conversations import Conversation
from app.schema.messaging.messages import Message
from app.services.notifications import notifications, subjects

strawberry.enum(models.NotificationKind, description="What asks for one's attention.")


@strawberry.type(description="Something that asks for one's attention. Only its reader sees it.")
class Notification(Node):
    model = models.Notification

    kind: models.NotificationKind
    text: str = strawberry.field(description="In a line; for a message, how it begins.")
    actor: User | None = edge(models.User, by="actor_id", description="Who caused it.")
    conversation: Conversation | None = batched(
        subjects.conversations,
        by="conversation_id",
        model=models.Conversation,
        description="Null for who is not in it any more.",
    )
    message: Message | None = batched(
        subjects.messages,
        by="message_id",
        model=models.Message,
        description="Null for who is not in its conversation any more.",
    )
    event: CalendarEvent | None = edge(models.CalendarEvent, by="event_id", description="Of the calendar.")
    created_at: datetime
    read_at: datetime | None
    archived_at: datetime | None

    @computed("invoice_id", description="The invoice that it is about: `node` shows it.")
    def invoice_id(row: strawberry.Parent[models.Notification]) -> strawberry.ID | None:
        return global_id("Invoice", row.invoice_id) if row.invoice_id else None


@strawberry.type(description="Notifications were marked.")
class NotificationsMarked:
    changed: int = strawberry.field(description="How many were not so before.")
    unread: int = strawberry.field(description="How many are unread now, counted up to 100.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, notifications.Marked)

"""Pages of the log, as its consumers get them."""

from app.core import clock
from app.core.actor import Actor
from app.core.changes import Change, Event
from app.models import Message
from app.models.messaging.events import MessageSent


def page(*events: Event) -> list[Change]:
    """The events as the log tells them."""
    return [Change.of({**event.row(), "_id": n, "at": clock.now()}) for n, event in enumerate(events, 1)]


def said(actor: Actor, message: Message, answered: Message | None = None) -> MessageSent:
    return MessageSent(
        actor,
        conversation=message.conversation_id,
        message=message.id,
        sender=message.sender_id,
        mentions=message.mention_ids,
        answers=answered.sender_id if answered else None,
    )

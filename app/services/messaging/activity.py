"""When something last happened in each conversation: kept in it, and brought up to date from the log."""

from collections.abc import Sequence

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Change
from app.core.clock import time_of
from app.models import Conversation
from app.models.messaging.events import MessageSent


async def follow(page: Sequence[Change]) -> None:
    """Note the newest message of each conversation. Sending does not, so that a busy conversation is no bottleneck."""
    newest: dict[tuple[ObjectId | None, ObjectId], ObjectId] = {}
    for change in page:
        if isinstance(event := change.event, MessageSent):
            place = change.organization_id, event.conversation
            newest[place] = max(newest.get(place, event.message), event.message)
    await changes.project(
        Conversation,
        [
            (
                Conversation.within(Actor.platform(organization_id), _id=conversation_id),
                {"$max": {"last_message_id": message_id, "active_at": time_of(message_id)}},
            )
            for (organization_id, conversation_id), message_id in newest.items()
        ],
    )

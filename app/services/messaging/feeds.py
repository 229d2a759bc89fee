"""The live feed of a conversation: what the log keeps of it, and who is typing."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from app.core.actor import Actor
from app.core.feeds import Feed, Told
from app.models.messaging.events import ParticipantLeft
from app.services.messaging import conversations, typing
from app.services.messaging.typing import Typing


@dataclass(frozen=True)
class ConversationFeed(Feed):
    """For those in the conversation, until they are taken out of it."""

    conversation_id: ObjectId

    async def admit(self, actor: Actor) -> None:
        await conversations.get(actor, self.conversation_id, frozenset())

    def passing(self) -> tuple[AsyncGenerator[Any, None], ...]:
        return (typing.follow(self.conversation_id),)

    def deaf_to(self, heard: Any) -> ObjectId | None:
        return heard.user_id if isinstance(heard, Typing) else None

    def leaver(self, heard: Any) -> ObjectId | None:
        return heard.event.user if isinstance(heard, Told) and isinstance(heard.event, ParticipantLeft) else None


def of(conversation_id: ObjectId) -> ConversationFeed:
    return ConversationFeed((f"c:{conversation_id}",), conversation_id)

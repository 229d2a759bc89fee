"""The live feed of a conversation: what the log keeps of it, and who is typing."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from bson import ObjectId

from app.core import feeds
from app.core.actor import Actor
from app.core.feeds import Told
from app.core.streams import merged
from app.models.messaging.events import ParticipantLeft
from app.services.messaging import conversations, typing
from app.services.messaging.typing import Typing


async def follow(actor: Actor, conversation_id: ObjectId, after: str | None) -> AsyncGenerator[Told | Typing, None]:
    """The conversation from a cursor on, until the actor is taken out of it.

    Raises NotFound when the actor is not in it, BadCursor or ResyncRequired for a cursor one cannot go on from.
    """
    async with feeds.follow(f"c:{conversation_id}", after=after) as log:
        await conversations.get(actor, conversation_id, frozenset())  # who is taken out after this is heard of below
        both: AsyncGenerator[Told | Typing, None] = merged(log, typing.follow(conversation_id))
        async with aclosing(both):
            async for heard in both:
                if isinstance(heard, Typing):
                    if heard.user_id != actor.user_id:
                        yield heard
                    continue
                yield heard
                event = heard.event
                left = isinstance(event, ParticipantLeft) and event.user == actor.user_id
                if left and await conversations.find(actor, conversation_id, frozenset()) is None:
                    return  # found again: they came back since, and hear on

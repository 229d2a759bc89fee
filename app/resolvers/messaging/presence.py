from collections.abc import AsyncIterator
from contextlib import aclosing

import strawberry

from app import models
from app.core.errors import NotFound
from app.schema.identity.users import User
from app.schema.kit.audiences import member, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, subscription
from app.schema.kit.nodes import keys
from app.schema.messaging.conversations import Conversation
from app.schema.messaging.presence import Presence
from app.services.messaging import presence, sightings, typing


@strawberry.type
class Mutation:
    @mutation(Presence, member())
    async def set_presence(self, info: Info, input: presence.PresenceChange) -> sightings.Presence:
        """Be away in this session, or be back. Without a socket one is offline all the same."""
        return await presence.choose(info.context.actor, input)

    @mutation(Conversation, needs(models.Permission.MESSAGES_SEND), fails=(NotFound,))
    async def set_typing(self, info: Info, input: typing.TypingChange) -> models.Conversation:
        """Show the others in a conversation that one is typing; it ends by itself after six seconds."""
        return await typing.set(info.context.actor, input.conversation_id, input.typing)


@strawberry.type
class Subscription:
    @subscription(Presence, member())
    async def presence(self, info: Info, user_ids: list[strawberry.ID]) -> AsyncIterator[sightings.Presence]:
        """Who of these people, at most 200, is here: the present state of each, then every change."""
        async with aclosing(presence.follow(info.context.actor, keys(user_ids, User))) as seen:
            async for one in seen:
                info.context.share(None)
                yield one

import strawberry

from app import models
from app.core.errors import Forbidden, LimitReached, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.kit.inputs import checked, input_for
from app.schema.kit.nodes import key
from app.schema.messaging.messages import Message
from app.services.messaging import messages

READ = needs(models.Permission.CONVERSATIONS_READ)
SEND = needs(models.Permission.MESSAGES_SEND)

MessageSearchInput = input_for(messages.MessageSearch, "MessageSearchInput")


@strawberry.type
class Query:
    @query(Message | None, READ)
    async def message(self, info: Info, id: strawberry.ID) -> models.Message | None:
        """A message of a conversation that one is in."""
        return await messages.find(info.context.actor, key(id, Message))

    @connection(Message, READ)
    async def search_messages(self, info: Info, page: PageArgs, input: MessageSearchInput) -> Page[models.Message]:  # type: ignore[valid-type]
        """Messages in one's own conversations in which every word occurs, newest first."""
        return await messages.search(info.context.actor, checked(messages.MessageSearch, input), page)


@strawberry.type
class Mutation:
    @mutation(Message, SEND, fails=(NotFound, Forbidden))
    async def send_message(self, info: Info, input: messages.MessageDraft) -> models.Message:
        """Say something in a conversation that one is in."""
        return await messages.send(info.context.actor, input)

    @mutation(Message, SEND, fails=(NotFound, Forbidden))
    async def edit_message(self, info: Info, input: messages.MessageEdit) -> models.Message:
        """Change the text of one's own message."""
        return await messages.edit(info.context.actor, input)

    @mutation(Message, SEND, fails=(NotFound, Forbidden))
    async def delete_message(self, info: Info, input: messages.MessageAction) -> models.Message:
        """Take a message back; a tombstone stays."""
        return await messages.delete(info.context.actor, input)

    @mutation(Message, SEND, fails=(NotFound, LimitReached))
    async def add_reaction(self, info: Info, input: messages.ReactionDraft) -> models.Message:
        """React to a message with an emoji."""
        return await messages.react(info.context.actor, input)

    @mutation(Message, SEND, fails=(NotFound,))
    async def remove_reaction(self, info: Info, input: messages.ReactionDraft) -> models.Message:
        """Take a reaction back."""
        return await messages.unreact(info.context.actor, input)

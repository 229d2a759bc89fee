import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.kit.filters import tree
from app.schema.kit.nodes import key
from app.schema.messaging.conversations import Conversation, ConversationFilter
from app.services.messaging import conversations, reads

READ = needs(models.Permission.CONVERSATIONS_READ)
START = needs(models.Permission.CONVERSATIONS_START)


@strawberry.type
class Query:
    @connection(Conversation, READ)
    async def conversations(
        self, info: Info, page: PageArgs, archived: bool = False, filter: ConversationFilter | None = None
    ) -> Page[models.Conversation]:
        """One's conversations, the one with the newest message first."""
        return await conversations.newest(info.context.actor, page, archived=archived, filter=tree(filter))

    @query(Conversation | None, READ)
    async def conversation(self, info: Info, id: strawberry.ID) -> models.Conversation | None:
        """A conversation that one is in."""
        fields = info.context.fields.get(models.Conversation)
        return await conversations.find(info.context.actor, key(id, Conversation), fields)


@strawberry.type
class Mutation:
    @mutation(Conversation, START, fails=(NotFound, Forbidden))
    async def start_conversation(self, info: Info, input: conversations.NewConversation) -> models.Conversation:
        """Begin to talk with one person or several.

        Two people have one direct conversation: it is answered if it exists.
        """
        return await conversations.start(info.context.actor, input)

    @mutation(Conversation, READ, fails=(NotFound,))
    async def update_conversation(self, info: Info, input: conversations.ConversationEdit) -> models.Conversation:
        """Give a group another title."""
        return await conversations.edit(info.context.actor, input)

    @mutation(Conversation, START, fails=(NotFound,))
    async def add_conversation_members(self, info: Info, input: conversations.MembersAddition) -> models.Conversation:
        """Let people into a group."""
        return await conversations.add_members(info.context.actor, input)

    @mutation(Conversation, READ, fails=(NotFound, Forbidden))
    async def remove_conversation_member(self, info: Info, input: conversations.MemberRemoval) -> models.Conversation:
        """Take somebody out of a group, or leave it."""
        return await conversations.remove_member(info.context.actor, input)

    @mutation(Conversation, READ, fails=(NotFound,))
    async def set_conversation_preferences(
        self, info: Info, input: conversations.ConversationPreferences
    ) -> models.Conversation:
        """Mute or archive a conversation for oneself."""
        return await conversations.prefer(info.context.actor, input)

    @mutation(Conversation, READ, fails=(NotFound,))
    async def mark_read(self, info: Info, input: reads.ReadMark) -> models.Conversation:
        """Tell how far one has read; the mark never goes back."""
        return await reads.mark(info.context.actor, input)

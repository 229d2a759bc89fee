from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from app import models
from app.core.paging import Page, PageArgs, nothing
from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.fields import computed, edge, pages
from app.schema.kit.filters import DateTimeFilter, IdFilter, StringFilter, combined, refers
from app.schema.kit.nodes import Node
from app.services.messaging import messages, reads


@strawberry.type(description="A file that a message points to.")
class Attachment:
    url: str
    name: str
    media_type: str
    size: int = strawberry.field(description="Bytes, as its sender states them.")


@strawberry.type(description="Everybody who reacted to a message with the same emoji.")
class ReactionGroup:
    emoji: str
    count: int
    mine: bool = strawberry.field(description="Whether the caller is among them.")


@strawberry.type(description="What somebody said. A deleted one stays, without its content.")
class Message(Node):
    model = models.Message

    text: str
    sender: User | None = edge(models.User, by="sender_id")
    reply_to: "Message | None" = edge(models.Message, by="reply_to_id", description="The message that it answers.")
    attachments: list[Attachment]
    sent_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    client_message_id: str
    version: int = strawberry.field(description="Rises with every edit; give it as `expectedVersion`.")

    @computed("mention_ids", description="The members it names.")
    async def mentions(row: strawberry.Parent[Any], info: Info) -> list[User]:
        return await info.context.load_all(models.User, row.mention_ids)

    @computed("reactions", description="Reactions by emoji, the first one first.")
    def reactions(row: strawberry.Parent[Any], info: Info) -> list[ReactionGroup]:
        groups: dict[str, list[Any]] = {}
        for reaction in row.reactions:
            groups.setdefault(reaction.emoji, []).append(reaction.user_id)
        me = info.context.actor.user_id
        return [ReactionGroup(emoji=emoji, count=len(ids), mine=me in ids) for emoji, ids in groups.items()]

    @computed("conversation_id", "sender_id", description="Others who have read up to it, 100 at most.")
    async def readers(row: strawberry.Parent[Any], info: Info, first: int = 20) -> list[User]:
        sides = await info.context.load(reads.participants, row.conversation_id) or []
        read = [s.user_id for s in sides if s.read_id and s.read_id >= row.id and s.user_id != row.sender_id]
        return await info.context.load_all(models.User, read[: PageArgs(first).first])

    @pages(Annotated["Message", strawberry.lazy(__name__)], models.Message, reads=("id", "conversation_id"))
    async def thread(row: strawberry.Parent[Any], info: Info, page: PageArgs) -> Page[models.Message]:
        """The answers to it, and the answers to those; oldest first."""
        if await info.context.load(reads.mine, row.conversation_id) is None:
            return nothing()  # the row may be of a time when the caller was in the conversation
        return await messages.thread(info.context.actor, row.id, page)


@strawberry.input(description="Which messages; all that is given must hold.")
class MessageFilter:
    sender_id: IdFilter | None = refers(User)
    mention_ids: IdFilter | None = refers(User)
    text: StringFilter | None = UNSET
    sent_at: DateTimeFilter | None = UNSET
    edited_at: DateTimeFilter | None = UNSET
    deleted_at: DateTimeFilter | None = UNSET
    and_: list["MessageFilter"] | None = combined("and")
    or_: list["MessageFilter"] | None = combined("or")
    not_: "MessageFilter | None" = combined("not")

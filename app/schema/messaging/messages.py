from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import strawberry
from bson import ObjectId
from strawberry import UNSET

from app import models
from app.core.paging import Page, PageArgs, nothing
from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.fields import computed, edge, pages
from app.schema.kit.filters import DateTimeFilter, IdFilter, StringFilter, combined, refers
from app.schema.kit.nodes import Node
from app.services.media import links
from app.services.messaging import messages, reads


def _url(row: strawberry.Parent[Any]) -> str:
    return links.url(row.file_id) if row.file_id else str(row.url)


@strawberry.type(description="A file that a message carries, or one elsewhere that it points to.")
class Attachment:
    name: str
    media_type: str
    size: int = strawberry.field(description="Bytes; of a file elsewhere as the sender states them.")

    url: str = strawberry.field(
        resolver=_url, description="Where it is to be had. That of a file that was sent is good for an hour at least."
    )


@dataclass(slots=True)
class Reactors:
    """Who reacted to a message with an emoji, the first one first."""

    emoji: str
    user_ids: list[ObjectId]


@strawberry.type(description="Everybody who reacted to a message with the same emoji.")
class ReactionGroup:
    emoji: str

    @computed(description="How many they are.", personal=False)
    def count(group: strawberry.Parent[Reactors]) -> int:
        return len(group.user_ids)

    @computed(description="Whether the caller is among them.")
    def mine(group: strawberry.Parent[Reactors], info: Info) -> bool:
        return info.context.actor.user_id in group.user_ids

    @classmethod
    def is_type_of(cls, value: object, info: Any) -> bool:
        return isinstance(value, Reactors)


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

    @computed("mention_ids", description="The members it names.", personal=False)
    async def mentions(row: strawberry.Parent[Any], info: Info) -> list[User]:
        return await info.context.load_all(models.User, row.mention_ids)

    @computed(
        "reactions",
        description="Reactions by emoji, the first one first.",
        returns=list[ReactionGroup],
        personal=False,
    )
    def reactions(row: strawberry.Parent[Any]) -> list[Reactors]:
        groups: dict[str, Reactors] = {}
        for reaction in row.reactions:
            groups.setdefault(reaction.emoji, Reactors(reaction.emoji, [])).user_ids.append(reaction.user_id)
        return list(groups.values())

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

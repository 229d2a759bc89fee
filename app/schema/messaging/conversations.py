from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET

from app import models
from app.core.paging import Page, PageArgs, nothing
from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.feeds import feed_cursor
from app.schema.kit.fields import batched, computed, derived, edge, pages
from app.schema.kit.filters import DateTimeFilter, IdFilter, StringFilter, combined, refers, tree
from app.schema.kit.nodes import Node
from app.schema.messaging.messages import Message, MessageFilter
from app.schema.messaging.presence import Presence
from app.services.messaging import messages, presence, reads

strawberry.enum(models.ConversationKind, description="Two people, or a group with a title and roles.")
strawberry.enum(models.ParticipantRole, description="What one may do in a conversation.")


@strawberry.input(description="Comparisons; all that are given must hold.")
class ConversationKindFilter:
    eq: models.ConversationKind | None = UNSET
    ne: models.ConversationKind | None = UNSET


@strawberry.type(description="A member's side of a conversation.")
class Participant(Node):
    model = models.Participant

    user: User | None = edge(models.User, by="user_id")
    role: models.ParticipantRole
    joined_at: datetime
    read_up_to: Message | None = edge(models.Message, by="read_id", description="The newest message they have read.")
    presence: Presence = batched(
        presence.of, by="user_id", description="Whether they are here now; the subscription `presence` follows it."
    )


@strawberry.type(description="People who write to each other.")
class Conversation(Node):
    model = models.Conversation

    kind: models.ConversationKind
    title: str | None
    created_at: datetime
    active_at: datetime = strawberry.field(description="When the newest message came, or the conversation began.")
    created_by: User | None = edge(models.User, by="created_by_id")
    last_message: Message | None = edge(models.Message, by="last_message_id")
    unread_count: int = batched(reads.unread, description="Unread messages of others, counted up to 100.")
    version: int = strawberry.field(description="Rises with every edit; give it as `expectedVersion`.")
    cursor: str = feed_cursor("c")

    @computed("member_ids", description="How many people are in it.", personal=False)
    def participant_count(row: strawberry.Parent[Any]) -> int:
        return len(row.member_ids)

    @derived(reads.participants, description="Those in it, in the order of joining, 100 at most.")
    def participants(sides: Sequence[Any] | None, first: int = 50) -> list[Participant]:
        return list((sides or ())[: PageArgs(first).first])

    @derived(reads.mine, description="Whether no e-mail tells the caller of its messages.")
    def muted(mine: Any) -> bool:
        return mine is not None and mine.muted

    @computed("archived_by_ids", description="Whether the caller's list leaves it out.")
    def archived(row: strawberry.Parent[Any], info: Info) -> bool:
        return info.context.actor.user_id in row.archived_by_ids

    @pages(Message, models.Message)
    async def messages(
        row: strawberry.Parent[Any], info: Info, page: PageArgs, filter: MessageFilter | None = None
    ) -> Page[models.Message]:
        """The messages, newest first."""
        if await info.context.load(reads.mine, row.id) is None:
            return nothing()  # the row may be of a time when the caller was in it
        return await messages.newest(info.context.actor, row.id, page, tree(filter))


@strawberry.input(description="Which conversations; all that is given must hold.")
class ConversationFilter:
    kind: ConversationKindFilter | None = UNSET
    title: StringFilter | None = UNSET
    created_by_id: IdFilter | None = refers(User)
    created_at: DateTimeFilter | None = UNSET
    active_at: DateTimeFilter | None = UNSET
    and_: list["ConversationFilter"] | None = combined("and")
    or_: list["ConversationFilter"] | None = combined("or")
    not_: "ConversationFilter | None" = combined("not")

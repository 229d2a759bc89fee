"""What notifications are about, as far as their reader may still see it."""

from collections.abc import Iterable
from typing import Any

from app.core.actor import Actor
from app.core.rows import Names
from app.models import Conversation, Message


async def conversations(actor: Actor, ids: Iterable[Any], fields: Names | None) -> dict[Any, Conversation]:
    """Those of the conversations that the actor is in."""
    where = {"_id": {"$in": list(ids)}, "member_ids": actor.user_id}
    return {row.id: row for row in await Conversation.select(actor, where, fields=fields)}


async def messages(actor: Actor, ids: Iterable[Any], fields: Names | None) -> dict[Any, Message]:
    """Those of the messages that are in conversations of the actor's."""
    rows = await Message.by_ids(actor, ids, None if fields is None else fields | {"conversation_id"})
    mine = await conversations(actor, {row.conversation_id for row in rows.values()}, frozenset())
    return {id: row for id, row in rows.items() if row.conversation_id in mine}

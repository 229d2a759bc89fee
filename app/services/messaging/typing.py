"""Who is typing: signals between processes, kept nowhere, that run out by themselves."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pydantic import Field

from app.core import changes, signals
from app.core.actor import Actor
from app.core.clock import at, now
from app.core.commands import Command
from app.models import Conversation
from app.services.messaging import conversations
from app.services.messaging.conversations import ConversationId

LIFE = 6.0
"""Seconds after the last signal at which somebody is taken to have stopped."""
THROTTLE = 2.0
"""Seconds in which a person's unchanged state in a conversation is signalled once."""


class TypingChange(Command):
    """Whether one is typing in a conversation. While one is, tell it every three seconds or so."""

    conversation_id: ConversationId
    typing: bool = Field(description="False as soon as one stops; it is taken for granted after six seconds.")


@dataclass(frozen=True, slots=True)
class Typing:
    """That somebody is typing, until `expires_at` unless it is told again; or that they stopped."""

    user_id: ObjectId
    conversation_id: ObjectId
    typing: bool
    at: datetime
    expires_at: datetime


async def set(actor: Actor, conversation_id: ObjectId, typing: bool) -> Conversation:
    """Tell the other members. Raises NotFound unless the actor is in the conversation."""
    conversation = await conversations.get(actor, conversation_id)
    if not changes.rehearsing() and await _is_news(actor, conversation_id, typing):
        payload = {"user": str(actor.user_id), "typing": typing, "at": now().timestamp()}
        await signals.publish(_channel(conversation_id), payload)
    return conversation


async def follow(conversation_id: ObjectId) -> AsyncGenerator[Typing, None]:
    """Everybody's typing in the conversation from now on: each signal, and its end when no other follows.

    The caller sees to it that the follower is in the conversation.
    """
    loop = asyncio.get_running_loop()
    last: dict[ObjectId, tuple[float, Typing]] = {}  # who is typing, the one who stops first in front
    async with signals.subscribe(_channel(conversation_id)) as payloads:
        hearing = asyncio.ensure_future(anext(payloads))
        try:
            while True:
                until = next((ends for ends, _ in last.values()), None)
                await asyncio.wait({hearing}, timeout=None if until is None else max(0.0, until - loop.time()))
                if hearing.done():
                    heard = _read(conversation_id, hearing.result())
                    hearing = asyncio.ensure_future(anext(payloads))
                    before = last.pop(heard.user_id, None)
                    if heard.typing:
                        last[heard.user_id] = loop.time() + LIFE, heard
                    if heard.typing or before:
                        yield heard
                else:
                    _, ended = last.pop(next(iter(last)))
                    yield Typing(ended.user_id, conversation_id, False, ended.expires_at, ended.expires_at)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)


async def _is_news(actor: Actor, conversation_id: ObjectId, typing: bool) -> bool:
    """Whether it is time to signal. The same state again is news only when THROTTLE has passed."""
    key, value, life = f"typing:{conversation_id}:{actor.user_id}", str(int(typing)), int(THROTTLE * 1000)
    before = await signals.attempt(lambda redis: redis.set(key, value, px=life, nx=True, get=True))
    if before is not None and before != value.encode():
        await signals.attempt(lambda redis: redis.set(key, value, px=life))
        before = None
    return before is None


def _channel(conversation_id: ObjectId) -> str:
    return f"typing:{conversation_id}"


def _read(conversation_id: ObjectId, payload: dict[str, Any]) -> Typing:
    moment = at(payload["at"])
    return Typing(
        ObjectId(payload["user"]), conversation_id, payload["typing"], moment, moment + timedelta(seconds=LIFE)
    )

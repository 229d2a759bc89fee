"""MSG-5: typing indicators. Redis and MongoDB are real."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.core import changes, signals
from app.core.actor import Actor
from app.core.errors import NotFound
from app.dev.embedded import EmbeddedValkey
from app.models import Conversation
from app.services.messaging import typing
from app.services.messaging.typing import Typing
from tests.factories.messaging import make_conversation
from tests.factories.organizations import make_member, make_owner

pytestmark = pytest.mark.usefixtures("documents", "redis")


@dataclass
class Room:
    """A conversation of three, and what a follower of it hears."""

    conversation: Conversation
    owner: Actor
    ada: Actor
    grace: Actor
    stream: AsyncGenerator[Typing, None]

    async def type(self, who: Actor, typing_: bool) -> None:
        await typing.set(who, self.conversation.id, typing_)

    async def next(self) -> Typing:
        async with asyncio.timeout(10):
            while (heard := await anext(self.stream)).user_id == self.owner.user_id:
                pass  # they only make sure that the follower listens
        return heard

    async def hears(self) -> tuple[object, bool]:
        heard = await self.next()
        assert heard.conversation_id == self.conversation.id
        return heard.user_id, heard.typing


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    owner = await make_owner()
    assert owner.organization_id
    ada, grace = [await make_member(owner.organization_id) for _ in range(2)]
    conversation = await make_conversation(owner, ada, grace)
    async with aclosing(typing.follow(conversation.id)) as stream:
        room = Room(conversation, owner, ada, grace, stream)
        listening = asyncio.ensure_future(anext(stream))
        async with asyncio.timeout(10):
            while not listening.done():  # what is signalled before the follower listens is lost
                await room.type(owner, True)
                await room.type(owner, False)
                await asyncio.sleep(0.02)
        yield room


async def test_a_signal_reaches_followers_and_so_does_its_end(room: Room) -> None:
    await room.type(room.ada, True)
    assert await room.hears() == (room.ada.user_id, True)
    await room.type(room.ada, False)
    assert await room.hears() == (room.ada.user_id, False)


async def test_an_unchanged_state_is_signalled_once_in_a_while(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing, "THROTTLE", 60.0)
    for _ in range(20):
        await room.type(room.ada, True)
    await room.type(room.grace, True)
    assert await room.hears() == (room.ada.user_id, True)
    assert await room.hears() == (room.grace.user_id, True), "the same state was signalled again"


async def test_who_goes_on_typing_is_signalled_again_after_the_throttle(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typing, "THROTTLE", 0.05)
    await room.type(room.ada, True)
    first = await room.next()
    listening = asyncio.ensure_future(room.next())
    async with asyncio.timeout(10):
        while not listening.done():
            await room.type(room.ada, True)
            await asyncio.sleep(0.02)
    assert listening.result().typing
    assert listening.result().expires_at > first.expires_at


async def test_a_change_is_never_throttled(room: Room) -> None:
    for state in (True, False, True):
        await room.type(room.ada, state)
    assert [(await room.hears())[1] for _ in range(3)] == [True, False, True]


async def test_typing_ends_by_itself_for_each_follower(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing, "LIFE", 0.3)
    await room.type(room.ada, True)
    await room.type(room.grace, True)
    heard = [await room.hears() for _ in range(4)]
    ada, grace = room.ada.user_id, room.grace.user_id
    assert heard == [(ada, True), (grace, True), (ada, False), (grace, False)]


async def test_who_stops_without_having_begun_is_not_heard_of(room: Room) -> None:
    await room.type(room.grace, False)
    await room.type(room.ada, True)
    assert await room.hears() == (room.ada.user_id, True)


async def test_only_members_of_the_conversation_can_be_seen_typing(room: Room) -> None:
    assert room.ada.organization_id
    for stranger in (await make_member(room.ada.organization_id), await make_owner()):
        with pytest.raises(NotFound):
            await typing.set(stranger, room.conversation.id, True)


async def test_a_rehearsal_signals_nothing(room: Room) -> None:
    await changes.rehearse(lambda: typing.set(room.grace, room.conversation.id, True))
    await room.type(room.ada, True)
    assert await room.hears() == (room.ada.user_id, True)


async def test_without_redis_typing_is_silent_and_it_recovers_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "REST", 0.1)
    await signals.close()
    owner = await make_owner()
    assert owner.organization_id
    conversation = await make_conversation(owner, await make_member(owner.organization_id))
    with EmbeddedValkey(tmp_path) as valkey:
        signals.connect(valkey.url)
        async with aclosing(typing.follow(conversation.id)) as stream:
            listening = asyncio.ensure_future(anext(stream))
            valkey.process.kill()
            await typing.set(owner, conversation.id, True)
            valkey.start()
            async with asyncio.timeout(20):
                while not listening.done():
                    await typing.set(owner, conversation.id, True)
                    await typing.set(owner, conversation.id, False)
                    await asyncio.sleep(0.02)

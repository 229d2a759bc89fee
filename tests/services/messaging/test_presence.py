"""MSG-4: presence across processes. A `Connections` is what one process knows; Redis and MongoDB are real."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from bson import ObjectId

from app.core import signals
from app.core.actor import Actor
from app.core.errors import Invalid, NotFound
from app.core.tasks import end
from app.dev.embedded import EmbeddedValkey
from app.services.identity import users
from app.services.messaging import connections, presence, watches
from app.services.messaging.connections import Connections, Status
from app.services.messaging.presence import ChosenStatus, PresenceChange
from app.services.messaging.sightings import Presence
from app.services.organizations import members
from tests.factories.organizations import acting, make_member, make_owner

pytestmark = pytest.mark.usefixtures("documents", "redis")

OFFLINE, AWAY, ONLINE = Status.OFFLINE, Status.AWAY, Status.ONLINE


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules at a pace for tests; whole processes live and die within a second."""
    monkeypatch.setattr(connections, "LIFE", 1.0)
    monkeypatch.setattr(connections, "BEAT", 0.1)
    monkeypatch.setattr(connections, "GRACE", 0.1)
    monkeypatch.setattr(watches, "POLL", 0.2)


@pytest.fixture
def forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only signals tell of changes: nothing runs out, nobody polls."""
    monkeypatch.setattr(connections, "LIFE", 600.0)
    monkeypatch.setattr(watches, "POLL", 600.0)


@pytest.fixture
async def viewer() -> Actor:
    return await make_owner()


@pytest.fixture
async def ada(viewer: Actor) -> Actor:
    assert viewer.organization_id
    return await make_member(viewer.organization_id)


@asynccontextmanager
async def beating(process: Connections) -> AsyncIterator[None]:
    task = asyncio.create_task(process.beat())
    yield
    await end(task)


async def status(viewer: Actor, person: Actor) -> Status:
    return (await seen(viewer, person)).status


async def seen(viewer: Actor, person: Actor) -> Presence:
    assert person.user_id
    return (await presence.of(viewer, [person.user_id]))[person.user_id]


async def settled(viewer: Actor, person: Actor, wanted: Status) -> None:
    async with asyncio.timeout(10):
        while await status(viewer, person) is not wanted:
            await asyncio.sleep(0.02)


def followed(viewer: Actor, *people: Actor) -> AsyncGenerator[Presence, None]:
    return presence.follow(viewer, [person.user_id for person in people if person.user_id])


async def heard(stream: AsyncGenerator[Presence, None], that: Callable[[Presence], bool]) -> Presence:
    async with asyncio.timeout(20):
        while not that(one := await anext(stream)):
            pass
    return one


async def following(stream: AsyncGenerator[Presence, None]) -> Status:
    async with asyncio.timeout(20):
        return (await anext(stream)).status


async def test_a_person_is_online_while_any_process_has_a_socket_of_theirs(viewer: Actor, ada: Actor) -> None:
    first, second = Connections(), Connections()
    async with beating(first), beating(second):
        assert await status(viewer, ada) is OFFLINE
        await first.opened(ada, "one")
        await second.opened(ada, "two")
        await first.closed("one")
        await asyncio.gather(*first._leaving)
        assert await status(viewer, ada) is ONLINE
        await second.closed("two")
        await settled(viewer, ada, OFFLINE)


async def test_a_socket_of_nobody_counts_for_nobody(viewer: Actor) -> None:
    process = Connections()
    await process.opened(Actor(), "one")
    await process.opened(Actor(user_id=viewer.user_id), "two")
    await process.closed("one")
    await process.closed("never opened")
    assert await status(viewer, viewer) is OFFLINE


@pytest.mark.usefixtures("forever")
async def test_a_follower_hears_the_present_and_every_change(viewer: Actor, ada: Actor) -> None:
    process = Connections()
    async with aclosing(followed(viewer, ada)) as stream:
        assert await following(stream) is OFFLINE
        await process.opened(ada, "one")
        assert await following(stream) is ONLINE
        await connections.set_away(ada, True)
        assert await following(stream) is AWAY
        await connections.set_away(ada, False)
        assert await following(stream) is ONLINE
        await process.closed("one")
        assert await following(stream) is OFFLINE
    running = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()}
    assert "Watch._run" not in running, "a watch outlived its last follower"


@pytest.mark.usefixtures("forever")
async def test_a_reconnect_within_the_grace_does_not_flicker(viewer: Actor, ada: Actor) -> None:
    first, second = Connections(), Connections()
    await first.opened(ada, "one")
    async with aclosing(followed(viewer, ada)) as stream:
        assert await following(stream) is ONLINE
        await first.closed("one")
        assert await status(viewer, ada) is ONLINE
        await second.opened(ada, "two")
        await asyncio.gather(*first._leaving)
        await connections.set_away(ada, True)
        assert await following(stream) is AWAY, "there was a change before"


async def test_the_sockets_of_a_killed_process_run_out(viewer: Actor, ada: Actor) -> None:
    killed = Connections()
    await killed.opened(ada, "one")
    async with aclosing(followed(viewer, ada)) as stream:
        assert await following(stream) is ONLINE
        assert await following(stream) is OFFLINE


async def test_a_living_process_keeps_its_sockets(viewer: Actor, ada: Actor) -> None:
    assert viewer.organization_id
    grace = await make_member(viewer.organization_id)
    living, killed = Connections(), Connections()
    async with beating(living):
        await living.opened(ada, "one")
        await killed.opened(grace, "two")
        await settled(viewer, grace, OFFLINE)
        assert await status(viewer, ada) is ONLINE
        await connections.set_away(ada, True)
        await killed.opened(grace, "three")
        await settled(viewer, grace, OFFLINE)
        assert await status(viewer, ada) is AWAY, "being away ran out"


async def test_what_a_person_says_does_not_keep_a_dead_socket_alive(viewer: Actor, ada: Actor) -> None:
    killed = Connections()
    await killed.opened(ada, "one")
    async with asyncio.timeout(10):
        while await status(viewer, ada) is not OFFLINE:
            await connections.set_away(ada, True)
            await asyncio.sleep(0.02)


async def test_away_is_said_of_a_session_and_a_person_is_away_from_all_of_them(viewer: Actor, ada: Actor) -> None:
    assert ada.user_id
    assert ada.organization_id
    desk, phone = ada, replace(ada, session_id=ObjectId())
    process = Connections()
    async with beating(process):
        await process.opened(desk, "one")
        await process.opened(phone, "two")
        await presence.choose(desk, PresenceChange(status=ChosenStatus.AWAY))
        assert await status(viewer, ada) is ONLINE
        mine = await presence.choose(phone, PresenceChange(status=ChosenStatus.AWAY))
        assert mine.status is AWAY
        assert not await presence.is_online(ada.organization_id, ada.user_id)
        await presence.choose(desk, PresenceChange(status=ChosenStatus.ONLINE))
        assert await status(viewer, ada) is ONLINE
        assert await presence.is_online(ada.organization_id, ada.user_id)


async def test_being_away_without_a_socket_is_being_offline(ada: Actor) -> None:
    mine = await presence.choose(ada, PresenceChange(status=ChosenStatus.AWAY))
    assert mine.status is OFFLINE


async def test_who_does_not_show_it_is_offline_to_everybody_else(viewer: Actor, ada: Actor) -> None:
    await presence.opened(ada, "one")
    async with aclosing(followed(viewer, ada)) as stream, aclosing(followed(ada, ada)) as own:
        assert await following(stream) is ONLINE
        assert await following(own) is ONLINE
        await users.edit(ada, users.ProfileEdit(shows_presence=False))
        assert await heard(stream, lambda one: one.status is OFFLINE) == Presence(ada.user_id, OFFLINE)  # type: ignore[arg-type]
        assert await status(ada, ada) is ONLINE
        await presence.closed(ada, "one")
        assert (await heard(own, lambda one: one.status is OFFLINE)).last_seen_at
        assert (await seen(viewer, ada)).last_seen_at is None


async def test_when_a_person_was_last_here_is_told_while_they_are_not(viewer: Actor, ada: Actor) -> None:
    await presence.opened(ada, "one")
    assert await seen(viewer, ada) == Presence(ada.user_id, ONLINE, None)  # type: ignore[arg-type]
    await presence.closed(ada, "one")
    await settled(viewer, ada, OFFLINE)
    first = (await seen(viewer, ada)).last_seen_at
    assert first
    await presence.opened(ada, "two")
    await presence.closed(ada, "two")
    await settled(viewer, ada, OFFLINE)
    again = (await seen(viewer, ada)).last_seen_at
    assert again
    assert again > first


async def test_only_people_of_the_organization_can_be_followed(viewer: Actor, ada: Actor) -> None:
    stranger = await make_owner()
    with pytest.raises(NotFound) as refused:
        await anext(followed(viewer, ada, stranger))
    assert refused.value.path == ["userIds", "1"]
    await Connections().opened(stranger, "one")
    assert await status(viewer, stranger) is OFFLINE


@pytest.mark.parametrize("count", [0, 201])
async def test_too_many_and_nobody_are_refused(viewer: Actor, count: int) -> None:
    with pytest.raises(Invalid):
        await anext(presence.follow(viewer, [ObjectId() for _ in range(count)]))


async def test_who_left_is_known_but_hidden(viewer: Actor, ada: Actor) -> None:
    assert ada.user_id
    await presence.opened(ada, "one")
    await presence.closed(ada, "one")
    await members.move(viewer, ada.user_id, "remove")
    async with aclosing(followed(viewer, ada)) as stream:
        assert await anext(stream) == Presence(ada.user_id, OFFLINE)


async def test_a_person_is_here_in_one_organization_and_not_in_another(viewer: Actor, ada: Actor) -> None:
    elsewhere = await make_owner()
    assert elsewhere.organization_id
    assert ada.user_id
    await Connections().opened(ada, "one")
    assert await status(acting(ada.user_id, elsewhere.organization_id), ada) is OFFLINE
    assert await status(viewer, ada) is ONLINE


async def test_without_redis_everybody_is_offline_and_it_recovers_by_itself(
    viewer: Actor, ada: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "REST", 0.1)
    await signals.close()
    process = Connections()
    with EmbeddedValkey(tmp_path) as valkey:
        signals.connect(valkey.url)
        async with beating(process), aclosing(followed(viewer, ada)) as stream:
            assert await following(stream) is OFFLINE
            await process.opened(ada, "one")
            assert await following(stream) is ONLINE
            valkey.process.kill()
            assert await status(viewer, ada) is OFFLINE
            assert await following(stream) is OFFLINE
            assert (await presence.choose(viewer, PresenceChange(status=ChosenStatus.AWAY))).status is OFFLINE
            valkey.start()
            assert await following(stream) is ONLINE
            await settled(viewer, ada, ONLINE)

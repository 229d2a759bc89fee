"""Trusted operations: MongoDB has them, Redis has copies, and neither a lost Redis nor a race brings one back."""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from redis.asyncio import Redis

from app.core import changes, clock, signals
from app.core.actor import Actor
from app.core.database import Document
from app.core.errors import Forbidden, Invalid, NotFound, Unavailable
from app.dev.children import free_port
from app.models.platform.events import OperationsForgotten, StaffActed
from app.services.platform import operations
from app.services.platform.operations import IdsTaken, NewOperation, Standing, sha256

PLATFORM = Actor.platform()

Store = AsyncDatabase[Document]


@pytest.fixture
async def store(documents: Store) -> Store:
    await documents["trusted_operations"].delete_many({})
    return documents


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    signals.connect(redis_url)
    async with Redis.from_url(redis_url) as redis:
        yield redis
    await signals.close()


def made(id: str = "", text: str = "") -> NewOperation:
    """An operation unlike any other; by its SHA-256 if no id is given."""
    text = text or f"query {{ me {{ a{secrets.token_hex(6)}: id }} }}"
    return NewOperation(id or sha256(text), text, "Me", "query")


async def told(call: Any) -> Sequence[changes.Event]:
    return (await changes.rehearse(call)).events


async def test_what_was_pushed_is_found_by_its_id_and_by_its_hash(store: Store, redis: Redis) -> None:
    operation = made(secrets.token_hex(16))
    assert await operations.push(PLATFORM, [operation]) == [Standing.NEW]
    for name in (operation.id, sha256(operation.text)):
        assert await operations.text_of(PLATFORM, name) == operation.text
        assert await redis.get(f"operation:{name}") == operation.text.encode()
        assert await redis.ttl(f"operation:{name}") == -1  # for ever
    assert await operations.text_of(PLATFORM, "f" * 64) is None
    assert await operations.text_of(PLATFORM, "nothing") is None


async def test_redis_answers_for_mongodb_and_is_filled_again_when_it_lost_everything(
    store: Store, redis: Redis
) -> None:
    operation = made()
    await operations.push(PLATFORM, [operation])
    await operations.text_of(PLATFORM, operation.id)
    await store["trusted_operations"].update_one({"key": operation.id}, {"$set": {"text": "{ other }"}})
    assert await operations.text_of(PLATFORM, operation.id) == operation.text
    await redis.flushdb()
    assert await operations.text_of(PLATFORM, operation.id) == "{ other }"
    assert await redis.get(f"operation:{operation.id}") == b"{ other }"


async def test_without_redis_mongodb_answers(store: Store) -> None:
    operation = made()
    await operations.push(PLATFORM, [operation])
    signals.connect(f"redis://127.0.0.1:{free_port()}/0")
    try:
        assert await operations.text_of(PLATFORM, operation.id) == operation.text
        with pytest.raises(Unavailable):
            await operations.drop_copies([operation.id])
    finally:
        await signals.close()


async def test_pushing_again_changes_only_when_and_for_what(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = made(), made()
    assert await operations.push(PLATFORM, [first], "web-1") == [Standing.NEW]
    later = clock.now() + timedelta(days=3)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert await operations.push(PLATFORM, [first, second], "web-2") == [Standing.KNOWN, Standing.NEW]
    found = {one.key: one for one in await operations.registered(PLATFORM)}
    assert found[first.id].releases == ["web-1", "web-2"]
    assert found[first.id].pushed_at == found[second.id].pushed_at
    assert [one.key for one in await operations.registered(PLATFORM, "web-1")] == [first.id]


async def test_an_id_keeps_its_text_and_a_push_is_all_or_nothing(store: Store) -> None:
    taken, new = made("x-app:Feed"), made()
    await operations.push(PLATFORM, [taken])
    with pytest.raises(IdsTaken) as refusal:
        await operations.push(PLATFORM, [new, made("x-app:Feed")])
    assert refusal.value.ids == {"x-app:Feed"}
    with pytest.raises(Invalid):
        await operations.push(PLATFORM, [new, made("not an id")])
    assert [one.text for one in await operations.registered(PLATFORM)] == [taken.text]


@pytest.mark.parametrize("id", ["", "a b", "a:b", "x-:a", "x-app:", "é", "a" * 129, "a\n", "f" * 64])
def test_an_id_that_cannot_be_one_is_refused(id: str) -> None:
    with pytest.raises(Invalid):
        operations.check(id, "{ me { id } }")


@pytest.mark.parametrize("id", ["a", "x-app:A-b.c_d~1", "0" * 32, "F" * 64, "a" * 128, sha256("{ me { id } }")])
def test_an_id_that_may_be_one_is_not(id: str) -> None:
    operations.check(id, "{ me { id } }")


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(Invalid, match="131072"):
        operations.check("a", "é" * 70_000)


async def test_forgetting_by_id_or_its_beginning(store: Store, redis: Redis) -> None:
    one, other, third = made("feed-1"), made("feed-12"), made("inbox")
    await operations.push(PLATFORM, [one, other, third])
    await operations.text_of(PLATFORM, "inbox")
    with pytest.raises(Invalid, match="give more of it"):
        await operations.forget(PLATFORM, ["feed"])
    with pytest.raises(NotFound):
        await operations.forget(PLATFORM, ["inbox", "f.*"])
    assert [gone.key for gone in await operations.forget(PLATFORM, ["feed-1", "inb"])] == ["feed-1", "inbox"]
    assert [left.key for left in await operations.registered(PLATFORM)] == ["feed-12"]
    await operations.drop_copies(["inbox"])
    assert await operations.text_of(PLATFORM, "inbox") is None


async def test_forgetting_a_release_spares_what_others_use(store: Store) -> None:
    mine, shared = made(), made()
    await operations.push(PLATFORM, [mine, shared], "web-1")
    await operations.push(PLATFORM, [shared], "web-2")
    assert [gone.key for gone in await operations.forget_release(PLATFORM, "web-1")] == [mine.id]
    [left] = await operations.registered(PLATFORM)
    assert (left.key, left.releases) == (shared.id, ["web-2"])
    assert await operations.forget_release(PLATFORM, "web-1") == []


async def test_forgetting_what_was_not_pushed_for_long(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old, renewed = made(), made()
    await operations.push(PLATFORM, [old, renewed])
    later = clock.now() + timedelta(days=10)
    monkeypatch.setattr(clock, "now", lambda: later)
    await operations.push(PLATFORM, [renewed])
    assert [gone.key for gone in await operations.forget_older(PLATFORM, later - timedelta(days=1))] == [old.id]


async def test_what_was_forgotten_meanwhile_leaves_no_copy(
    store: Store, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading it and copying it, the operation is forgotten and its copies are dropped."""
    operation = made()
    await operations.push(PLATFORM, [operation])
    named, looked = operations._named, 0

    async def forgotten_after_the_first_look(actor: Actor, name: str) -> Any:
        nonlocal looked
        found = await named(actor, name)
        looked += 1
        if looked == 1:
            await operations.forget(PLATFORM, [operation.id])
            await operations.drop_copies([operation.id])
        return found

    monkeypatch.setattr(operations, "_named", forgotten_after_the_first_look)
    assert await operations.text_of(PLATFORM, operation.id) is None
    assert await redis.exists(f"operation:{operation.id}") == 0


async def test_what_is_done_is_told_and_forgetting_names_every_copy(store: Store) -> None:
    operation = made("feed-1")
    [pushed] = await told(lambda: operations.push(PLATFORM, [operation], "web-1"))
    assert isinstance(pushed, StaffActed)
    assert (pushed.action, pushed.kind, pushed.subject) == ("push", "operations", "1 of web-1")
    await operations.push(PLATFORM, [operation])
    forgotten, _ = await told(lambda: operations.forget(PLATFORM, ["feed-1"]))
    assert isinstance(forgotten, OperationsForgotten)
    assert forgotten.names == sorted(["feed-1", sha256(operation.text)])
    assert [left.key for left in await operations.registered(PLATFORM)] == ["feed-1"]  # it was a rehearsal


async def test_only_the_platform_and_its_staff_see_them(store: Store) -> None:
    with pytest.raises(Forbidden):
        await operations.registered(replace(PLATFORM, system=False))

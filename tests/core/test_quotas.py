"""ORG-4: what an organization may have is never passed, whatever happens at once."""

import asyncio
from datetime import timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, clock, quotas
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.database import Document
from app.core.quotas import Count, Quota, QuotaReached, Reservation, Usage

HOUR = timedelta(hours=1)


async def _nothing(actor: Actor) -> Count:
    return Count(0)


TEN = Quota("things", lambda: 10, _nothing)


@pytest.fixture
async def actor(database: AsyncDatabase[Document]) -> Actor:
    await database.quotas.create_index([("organization_id", 1), ("name", 1)], unique=True)
    return Actor.platform(new_id())


async def test_of_fifty_at_once_ten_get_one(actor: Actor) -> None:
    answers = await asyncio.gather(
        *(quotas.reserve(actor, TEN, until=now() + HOUR) for _ in range(50)), return_exceptions=True
    )
    refused = [one for one in answers if isinstance(one, QuotaReached)]
    assert len(refused) == 40
    assert all((one.details["used"], one.details["limit"]) == (10, 10) for one in refused)
    assert await quotas.usage(actor, TEN) == Usage(10, 10)


async def test_of_fifty_scopes_at_once_ten_get_one(actor: Actor) -> None:
    @changes.atomic
    async def take() -> None:
        await quotas.spend(actor, TEN)

    answers = await asyncio.gather(*(take() for _ in range(50)), return_exceptions=True)
    assert sorted({type(one).__name__ for one in answers}) == ["NoneType", "QuotaReached"]
    assert answers.count(None) == 10
    assert await quotas.usage(actor, TEN) == Usage(10, 10)


async def test_what_is_settled_is_used_and_what_is_released_is_free(actor: Actor) -> None:
    held = [await quotas.reserve(actor, TEN, until=now() + HOUR, amount=4) for _ in range(2)]
    with pytest.raises(QuotaReached):
        await quotas.spend(actor, TEN, 3)
    await quotas.release(actor, TEN, held[0])
    await quotas.release(actor, TEN, held[0])  # twice is once
    await quotas.settle(actor, TEN, held[1])
    assert await quotas.usage(actor, TEN) == Usage(4, 10)
    await quotas.spend(actor, TEN, 6)
    await quotas.free(actor, TEN, 10)
    assert await quotas.usage(actor, TEN) == Usage(0, 10)
    await quotas.free(actor, TEN)  # never below nothing
    assert await quotas.usage(actor, TEN) == Usage(0, 10)


async def test_one_reservation_is_settled_once(actor: Actor) -> None:
    held = await quotas.reserve(actor, TEN, until=now() + HOUR)
    await quotas.spend(actor, TEN, 9)
    answers = await asyncio.gather(*(quotas.settle(actor, TEN, held) for _ in range(20)), return_exceptions=True)
    assert answers.count(None) == 1
    assert await quotas.usage(actor, TEN) == Usage(10, 10)


async def test_what_was_never_settled_comes_back(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    start = clock.source()
    held = await quotas.reserve(actor, TEN, until=now() + HOUR, amount=10)
    with pytest.raises(QuotaReached):
        await quotas.spend(actor, TEN)
    monkeypatch.setattr(clock, "source", lambda: start + 3601)
    assert await quotas.usage(actor, TEN) == Usage(0, 10)
    await asyncio.gather(*(quotas.spend(actor, TEN) for _ in range(10)))
    with pytest.raises(QuotaReached):
        await quotas.settle(actor, TEN, held)


async def test_an_account_opens_with_what_is_there(actor: Actor) -> None:
    held = Reservation(new_id(), 2, now() + HOUR)

    async def some(actor: Actor) -> Count:
        return Count(7, [held])

    quota = Quota("others", lambda: 10, some)
    assert await quotas.usage(actor, quota) == Usage(9, 10)
    answers = await asyncio.gather(*(quotas.spend(actor, quota) for _ in range(20)), return_exceptions=True)
    assert answers.count(None) == 1
    await quotas.settle(actor, quota, held.id)
    assert await quotas.usage(actor, quota) == Usage(10, 10)


async def test_a_limit_of_ones_own(actor: Actor) -> None:
    await quotas.set_limit(actor, TEN, 1)
    await quotas.spend(actor, TEN)
    with pytest.raises(QuotaReached):
        await quotas.spend(actor, TEN)
    await quotas.set_limit(actor, TEN, None)
    await quotas.spend(actor, TEN, 9)
    assert await quotas.usage(actor, TEN) == Usage(10, 10)

"""BIL-12: what organizations use of the platform is measured once, and shown to them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect

from app.core.clock import now
from app.core.database import Document
from app.models import Buyer, CustomerKind, UsageEvent
from app.services.billing.metering import platform_usage, usage
from app.services.billing.metering.platform_usage import API_CALLS, SEATS_TAKEN, SELLER, STORAGE, Calls
from app.services.billing.metering.usage import UsageBatch, UsageReceipt
from tests.factories.organizations import make_member, make_owner

pytestmark = pytest.mark.usefixtures("documents")

DAY = timedelta(days=1)


async def test_calls_count_once_whatever_becomes_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, other, calls = await make_owner(), await make_owner(), Calls()
    for _ in range(7):
        calls.note(owner.organization_id)
    calls.note(other.organization_id)
    calls.note(None)
    real, failures = usage.record, iter([True, False, True])

    async def lost(actor: Any, batch: UsageBatch) -> UsageReceipt:
        """Sometimes the answer does not arrive, and what was asked is done all the same."""
        receipt = await real(actor, batch)
        if next(failures, False):
            raise AutoReconnect("on purpose")
        return receipt

    monkeypatch.setattr(usage, "record", lost)
    with pytest.raises(AutoReconnect):
        await calls.record()
    calls.note(owner.organization_id)
    with pytest.raises(AutoReconnect):
        await calls.record()
    assert await calls.record() == 1
    assert await calls.record() == 0
    assert (await used(owner), await used(other)) == (8, 1)


async def used(owner: Any) -> int:
    (found,) = [one for one in await platform_usage.of(owner) if one.key == API_CALLS.key]
    return found.used


async def test_storage_and_seats_are_looked_at_once_a_day(database: AsyncDatabase[Document]) -> None:
    owner = await make_owner()
    assert owner.organization_id
    await make_member(owner.organization_id)
    file = {
        "organization_id": owner.organization_id,
        "owner_id": owner.user_id,
        "state": "clean",
        "size": 5_000_000_000,
    }
    await database.files.insert_many([{**file, "name": f"{n}"} for n in range(2)])
    await database.files.insert_one({**file, "name": "infected", "state": "infected"})
    day = now() - timedelta(minutes=1)
    assert await platform_usage.sample(day) >= 1
    await make_member(owner.organization_id)
    await platform_usage.sample(day)
    customer = Buyer(CustomerKind.ORGANIZATION, owner.organization_id)
    where = {"customer_id": customer.id}
    events = {row.transaction_id.partition(":")[0]: row for row in await UsageEvent.select(SELLER, where)}
    assert {key: row.quantity for key, row in events.items()} == {STORAGE.key: 10_000_000_000, SEATS_TAKEN.key: 2}
    shown = {one.key: (one.used, one.limit) for one in await platform_usage.of(owner)}
    assert shown == {API_CALLS.key: (0, None), STORAGE.key: (10_000_000_000, None), SEATS_TAKEN.key: (3, 10_000)}
    begin = datetime(day.year, day.month, 1, tzinfo=UTC)
    totals = {one.meter.key: one.total for one in await usage.shown(SELLER, customer, begin, day + DAY)}
    assert totals == {API_CALLS.key: 0, STORAGE.key: 10_000_000_000, SEATS_TAKEN.key: 2}

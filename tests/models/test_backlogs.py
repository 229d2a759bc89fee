"""What has come due is worked off, and one row that cannot be holds up no others."""

from collections import Counter
from datetime import timedelta

import pytest
from bson import ObjectId
from pymongo.errors import AutoReconnect

from app.core import changes
from app.core.actor import Actor
from app.core.clock import EPOCH, new_id, now
from app.core.errors import Conflict, Unavailable
from app.core.paging import Order
from app.models import Aggregation, Meter, MeterDocument
from app.models.backlogs import work_off

pytestmark = pytest.mark.usefixtures("documents")

DUE = Order(("changed_at", "_id"), descending=False)


@pytest.fixture
def seller() -> Actor:
    return Actor.platform(ObjectId())


async def due(seller: Actor, *keys: str) -> None:
    assert seller.organization_id
    for place, key in enumerate(keys):
        moment = EPOCH + timedelta(days=1 + place)
        made = MeterDocument(
            id=new_id(), organization_id=seller.organization_id, key=key, name=key, unit="call",
            aggregation=Aggregation.SUM, created_at=moment, changed_at=moment,
        )  # fmt: skip
        await changes.insert(made)


async def move(seller: Actor, row: Meter, days: float) -> None:
    later = row.changed_at + timedelta(days=days)
    await changes.change(Meter, Meter.within(seller, _id=row.id), {"$set": {"changed_at": later}})


async def test_each_is_done_as_often_as_it_is_due_and_what_cannot_be_holds_up_no_others(
    seller: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.models.backlogs.BATCH", 2)
    await due(seller, "refused", "broken", "asleep", "once", "twice", "last")
    tried = Counter[str]()

    async def step(row: Meter) -> None:
        tried[row.key] += 1
        if row.key == "refused":
            raise Conflict("Somebody else changed it first: look again.")
        if row.key == "broken":
            raise ZeroDivisionError
        if row.key == "twice":
            await move(seller, row, 10)
        elif row.key != "asleep":
            await move(seller, row, 10_000)

    limit = EPOCH + timedelta(days=20)
    assert await work_off(Meter, seller, {"changed_at": {"$lt": limit}}, DUE, step) == 5
    assert tried == {"refused": 1, "broken": 1, "asleep": 1, "once": 1, "twice": 2, "last": 1}


@pytest.mark.parametrize("error", [AutoReconnect("away"), Unavailable("Too many at once.")])
async def test_what_is_no_rows_fault_ends_it(seller: Actor, error: Exception) -> None:
    await due(seller, "first", "second")
    tried = list[str]()

    async def step(row: Meter) -> None:
        tried.append(row.key)
        raise error

    with pytest.raises(type(error)):
        await work_off(Meter, seller, {"changed_at": {"$lt": now()}}, DUE, step)
    assert tried == ["first"]

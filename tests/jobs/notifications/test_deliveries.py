"""Deliveries: asked for, sent once, cancelled, tried again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.core import database
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.jobs import queue
from app.core.rates import RateLimited
from app.jobs.notifications.deliveries import JOBS, deliver_in_bulk, deliver_urgently
from app.models import Channel, Delivery, DeliveryPriority
from app.models.notifications.events import DeliveryAsked
from app.services.notifications import deliveries
from app.services.notifications.carrying import pace
from app.services.notifications.deliveries import Wanted
from tests.jobs.working import PATIENCE, Worker


def wanted(address: str = "ada@example.com", **more: Any) -> Wanted:
    content = {"name": "Ada", "link": "https://example.com", "lifetime": "a day"}
    return Wanted(channel=Channel.EMAIL, kind="welcome", template="welcome", address=address, content=content, **more)


async def row(address: str = "ada@example.com") -> dict[str, Any]:
    found = await database.collection("deliveries").find_one({"address": address})
    assert found
    return found


async def test_a_cause_makes_one_delivery_which_keeps_nothing_of_what_it_said(worker: Worker) -> None:
    cause = new_id()
    for _ in range(3):
        await deliveries.ask(cause, wanted())
    await deliveries.ask(cause, wanted("grace@example.com", priority=DeliveryPriority.BULK))
    await worker.settled()
    assert sorted(message["To"] for message in worker.office.messages) == [
        "Ada <ada@example.com>", "Ada <grace@example.com>",
    ]  # fmt: skip
    sent = await row()
    assert (sent["state"], sent["attempts"], sent["doubts"], sent["provider"]) == ("sent", 1, 0, "smtp")
    assert sent["sealed"] == b""


async def test_what_is_cancelled_or_too_late_does_not_go_out(idle: Worker) -> None:
    cause, later = new_id(), now() + timedelta(milliseconds=300)
    await deliveries.ask(cause, wanted("a@example.com", cancel_key="lesson", due_at=later))
    await deliveries.ask(cause, wanted("b@example.com", cancel_key="lesson"))
    await deliveries.ask(cause, wanted("c@example.com", expires_at=now()))
    await deliveries.ask(cause, wanted("d@example.com"))
    assert await deliveries.cancel(None, ["lesson"]) == 2
    idle.start()
    await idle.settled()
    assert [message["To"] for message in idle.office.messages] == ["Ada <d@example.com>"]
    states = {one: (await row(f"{one}@example.com"))["state"] for one in "abcd"}
    assert states == {"a": "cancelled", "b": "cancelled", "c": "failed", "d": "sent"}


async def test_what_may_have_arrived_comes_again_as_the_same_message(worker: Worker) -> None:
    worker.office.cuts = 1
    await deliveries.ask(new_id(), wanted())
    await worker.settled()
    first, second = worker.office.messages
    assert first["Message-ID"] == second["Message-ID"]
    sent = await row()
    assert (sent["state"], sent["attempts"], sent["doubts"]) == ("sent", 2, 1)


async def test_a_code_overtakes_a_campaign(idle: Worker) -> None:
    for _ in range(20):
        await deliveries.ask(new_id(), wanted(priority=DeliveryPriority.BULK))
    await deliveries.ask(new_id(), wanted(priority=DeliveryPriority.URGENT))
    idle.start(doing=[])
    async with asyncio.timeout(PATIENCE):
        while await database.collection("jobs").count_documents({"queue": "outbound"}) < 21:
            await asyncio.sleep(0.05)
    await idle.stop()
    types = [kind.type for kind in JOBS]
    taken = [await queue.take("outbound", types, "somebody", 1) for _ in range(2)]
    assert [row["type"] for [row] in taken] == [deliver_urgently.type, deliver_in_bulk.type]


async def test_a_provider_is_given_no_more_than_its_rate(redis_url: str, worker: Worker) -> None:
    await pace("slow", 1)
    with pytest.raises(RateLimited) as refused:
        await pace("slow", 1)
    assert 0 < refused.value.retry_after <= 60


async def test_two_jobs_of_one_delivery_send_it_once(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One looks, and before it goes on the other has it: as after a pause, when both are there."""
    await deliveries.ask(new_id(), wanted())
    id = (await row())["_id"]
    look = Delivery.lookup

    async def looked(*args: Any, **kwargs: Any) -> Any:
        found = await look(*args, **kwargs)
        taken = {"state": "sending", "attempts": 1, "job_id": "the other"}
        await database.collection("deliveries").update_one({"_id": id}, {"$set": taken})
        return found

    monkeypatch.setattr(Delivery, "lookup", looked)
    await deliveries.send(DeliveryAsked(Actor.platform(), delivery=id), "one", last=False)
    assert (idle.office.messages, (await row())["job_id"]) == ([], "the other")

"""What staff see of the log."""

import asyncio
from datetime import timedelta

from prometheus_client.registry import REGISTRY
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes
from app.core.actor import Actor
from app.core.clock import now
from app.core.database import Document
from app.core.jobs import Acceptance
from app.core.tasks import end
from app.services.platform import consumers
from tests.core.jobs.tasks import PATIENCE, unheard


async def test_events_that_no_worker_can_read_are_counted(documents: AsyncDatabase[Document]) -> None:
    """R9: without one of the release that told them they would wait unseen."""

    async def seen() -> tuple[int, object, float | None]:
        state = await consumers.log(Actor.platform())
        return state.unread_events, state.unread_since, REGISTRY.get_sample_value("atrium_unread_events")

    async def becomes(*expected: object) -> None:
        async with asyncio.timeout(PATIENCE):
            while await seen() != expected:
                await asyncio.sleep(0.05)

    await changes.prepare()
    first = now() - timedelta(hours=2)
    await documents.unread.insert_many(
        [{"_id": 7 + hours, "t": "AskedLater.9", "at": first + timedelta(hours=hours)} for hours in (1, 0)]
    )
    sweeping = asyncio.create_task(Acceptance([], unheard).sweep())
    try:
        await becomes(2, first, 2.0)
        await documents.unread.delete_many({})
        await becomes(0, None, 0.0)
    finally:
        await end(sweeping)
        await documents.unread.delete_many({})

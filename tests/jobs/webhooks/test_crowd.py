"""R64: many organizations at once; of some the servers are dead, and of some they take what comes and never answer.

With WEBHOOK_ENDPOINTS and WEBHOOK_EVENTS it is as long as one likes; `-s` shows how soon events arrived.
"""

import asyncio
import os
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, time_of
from app.models import WebhookDelivery, WebhookDeliveryState, WebhookType
from app.models.organizations.events import RoleCreated
from app.services.webhooks import endpoints
from app.services.webhooks.endpoints import NewWebhookEndpoint
from tests.factories.organizations import make_owner
from tests.jobs.webhooks.stage import sendable
from tests.jobs.working import Worker
from tests.receiver import receiver

ENDPOINTS, EVENTS = int(os.environ.get("WEBHOOK_ENDPOINTS", "6")), int(os.environ.get("WEBHOOK_EVENTS", "5"))
"""How many, and events to each of them; the plan has 100 and 100."""
DEAD = max(2, ENDPOINTS // 5)
LIVE = ENDPOINTS - DEAD
RATE = 100
"""Events that are told in a second."""
LONG = 120


@asynccontextmanager
async def mute() -> AsyncIterator[str]:
    """The URL of a server that never answers."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.fixture
async def worker(idle: Worker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    with sendable(monkeypatch):
        idle.start()
        yield idle


async def test_dead_endpoints_keep_nothing_from_the_others_and_order_is_kept(worker: Worker) -> None:
    async with receiver() as server, mute() as silent:
        owners: list[Actor] = [await make_owner() for _ in range(ENDPOINTS)]
        for n, owner in enumerate(owners):
            url = f"{server.url}/{n}" if n < LIVE else (silent, "http://127.0.0.1:1/")[n % 2]
            types = [WebhookType.ROLE_CREATED]
            new = NewWebhookEndpoint(url=url, types=types, permissions=["members.read"], ordered=True)
            await endpoints.make(owner, new, None)
        roles = [new_id() for _ in owners]
        for _ in range(EVENTS):
            for owner, role in zip(owners, roles, strict=True):
                await changes.tell(RoleCreated(owner, role=role))
                await asyncio.sleep(1 / RATE)
        for n in range(LIVE):
            await server.hears(EVENTS, f"/{n}", LONG)
    arrived = defaultdict(list)
    for one in server.heard:
        arrived[one.path].append(one.id)
    for n, owner in enumerate(owners[:LIVE]):
        rows = await WebhookDelivery.select(Actor.platform(owner.organization_id))
        told = [f"msg_{row.event_id}" for row in sorted(rows, key=lambda row: row.position)]
        assert arrived[f"/{n}"] == told
        assert len(told) == EVENTS
    delays = [one.at - time_of(ObjectId(one.id.removeprefix("msg_"))).timestamp() for one in server.heard]
    p50, p95 = statistics.median(delays), statistics.quantiles(delays, n=20)[-1]
    print(f"{len(delays)} arrived, half of them within {p50:.2f} s, 95 of 100 within {p95:.2f} s")
    for owner in owners[LIVE:]:
        rows = await WebhookDelivery.select(Actor.platform(owner.organization_id))
        assert {row.state for row in rows} <= {WebhookDeliveryState.PENDING}

"""Endpoints at work, step by step and by a clock that the test moves: what jobs do is done when it is asked for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from app.api.eventdocuments import EventDocuments
from app.core import changes, clock
from app.core.actor import Actor
from app.core.changes import Sequencer, log
from app.core.clock import new_id, now
from app.core.settings import settings
from app.core.tasks import end
from app.integrations import egress
from app.models import WebhookDelivery, WebhookEndpoint, WebhookType
from app.models.organizations.events import OrganizationChanged, RoleCreated
from app.models.webhooks.events import WebhookAsleep, WebhookReplayAsked, WebhookTroubled, WebhookWoken
from app.resolvers.roots import schema
from app.services.webhooks import deliveries, documents, endpoints, sending, waking
from app.services.webhooks.endpoints import MadeWebhookEndpoint, NewWebhookEndpoint
from tests.factories.organizations import make_owner
from tests.world import until

TYPES = [WebhookType.ORGANIZATION_CHANGED, WebhookType.ROLE_CREATED]


@dataclass
class Stage:
    """One organization, whose owner manages webhooks."""

    owner: Actor
    position: int
    timers: list[WebhookAsleep] = field(default_factory=list)
    troubles: list[str | None] = field(default_factory=list)

    @property
    def inside(self) -> Actor:
        return Actor.platform(self.owner.organization_id)

    async def make(self, url: str, **given: Any) -> MadeWebhookEndpoint:
        new = NewWebhookEndpoint(url=url, types=TYPES, permissions=["members.read"], **given)
        return await endpoints.make(self.owner, new, None)

    async def tell(self, *roles: ObjectId) -> None:
        """Let something happen: to roles, if any are named."""
        assert self.owner.organization_id
        for role in roles:
            await changes.tell(RoleCreated(self.owner, role=role))
        if not roles:
            await changes.tell(OrganizationChanged(self.owner, organization=self.owner.organization_id))

    async def numbered(self) -> None:
        """Wait until all that was told is in the log."""
        mark = OrganizationChanged(Actor.platform(new_id()), organization=new_id())
        await changes.tell(mark)

        async def there() -> bool:
            return bool(await log.read({"e": mark.id}, 1))

        await until(there)

    async def work(self) -> None:
        """Do all that is to be done at this moment."""
        while True:
            await self.numbered()
            found = await log.following(self.position)
            self.position = found[-1].position
            found = [change for change in found if change.organization_id == self.owner.organization_id]
            if not found:
                return
            await waking.follow(found)
            for change in found:
                match change.event:
                    case WebhookWoken() as woken:
                        await sending.begin(woken)
                    case WebhookReplayAsked() as asked:
                        await deliveries.replay_all(asked)
                    case WebhookAsleep() as asleep:
                        self.timers.append(asleep)
                    case WebhookTroubled() as troubled:
                        self.troubles.append(troubled.fault)

    async def wait(self) -> bool:
        """Go to the next moment at which an endpoint is to be woken; False when there is none."""
        self.timers.sort(key=lambda timer: timer.until)
        if not self.timers:
            return False
        timer = self.timers.pop(0)
        self.move(max(timer.until, now()))
        await waking.wake_now(self.inside, timer.endpoint)
        await self.work()
        return True

    async def wait_all(self, until: datetime | None = None) -> None:
        """Until nothing is left to be done, or up to a moment."""
        while self.timers and (until is None or min(timer.until for timer in self.timers) <= until):
            await self.wait()

    def move(self, to: datetime) -> None:
        seconds = to.timestamp() + 0.001
        clock.source = lambda: seconds

    def later(self, **by: float) -> None:
        self.move(now() + timedelta(**by))

    async def endpoint(self, made: MadeWebhookEndpoint) -> WebhookEndpoint:
        return await WebhookEndpoint.require(self.inside, made.endpoint.id)

    async def sent(self) -> list[WebhookDelivery]:
        return await WebhookDelivery.select(self.inside)


@contextmanager
def sendable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the test's own servers be sent to."""
    monkeypatch.setenv("EGRESS_NETWORKS", "127.0.0.0/8")
    settings.cache_clear()
    egress.egress.cache_clear()
    documents.use(lambda: EventDocuments(schema, settings()))
    yield
    egress.egress.cache_clear()


@asynccontextmanager
async def staged(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """With a sequencer, and no other loop of a worker."""
    monkeypatch.setattr(clock, "source", clock.source)
    with sendable(monkeypatch):
        sequencer = asyncio.ensure_future(Sequencer().run())
        try:
            stage = Stage(await make_owner(), 0)
            await stage.numbered()
            stage.position = await log.head()
            yield stage
        finally:
            await end(sequencer)

from datetime import datetime
from typing import Any

import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import known, needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.kit.filters import in_utc, tree
from app.schema.kit.nodes import key
from app.schema.webhooks.deliveries import WebhookDelivery, WebhookDeliveryFilter, WebhookPreview
from app.schema.webhooks.endpoints import WebhookEndpoint
from app.schema.webhooks.events import WebhookEvent
from app.services.webhooks import deliveries, previews

MANAGE = needs(models.Permission.WEBHOOKS_MANAGE)
PREVIEW_COST = 100
"""As much as twenty documents ask for that ask for little."""


@strawberry.type
class Query:
    @query(WebhookEvent | None, known())
    def webhook_event(self, info: Info) -> Any:
        """The event that the document of a webhook is executed for; null everywhere else."""
        return info.context.told

    @connection(WebhookDelivery, MANAGE)
    async def webhook_deliveries(
        self, info: Info, page: PageArgs, endpoint_id: strawberry.ID, filter: WebhookDeliveryFilter | None = None
    ) -> Page[models.WebhookDelivery]:
        """What an endpoint was sent, the newest event first, and what came of it."""
        id = key(endpoint_id, WebhookEndpoint)
        return await deliveries.newest(info.context.actor, page, id, tree(filter))

    @query(list[WebhookPreview], MANAGE, cost=PREVIEW_COST)
    async def webhook_previews(
        self,
        info: Info,
        endpoint_id: strawberry.ID,
        document: str | None = None,
        since: datetime | None = None,
        first: int = 5,
    ) -> list[previews.WebhookPreview]:
        """What an endpoint would be sent of the first events after a moment (a day ago), by its document or another."""
        id, moment = key(endpoint_id, WebhookEndpoint), in_utc(since, ["since"]) if since else None
        return await previews.preview(info.context.actor, id, document, moment, first)


@strawberry.type
class Mutation:
    @mutation(WebhookDelivery, MANAGE, fails=(NotFound, Forbidden))
    async def resend_webhook(self, info: Info, input: deliveries.WebhookResend) -> models.WebhookDelivery:
        """Send an event to an endpoint once more, whatever came of it before, under the id that it had."""
        return await deliveries.resend(info.context.actor, input)

    @mutation(WebhookEndpoint, MANAGE, fails=(NotFound, Forbidden))
    async def replay_webhooks(self, info: Info, input: deliveries.WebhookReplay) -> models.WebhookEndpoint:
        """Send an endpoint once more what happened in a time, each event under the id that it had."""
        return await deliveries.replay(info.context.actor, input)

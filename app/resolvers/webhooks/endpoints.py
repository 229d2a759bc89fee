import strawberry
from strawberry import UNSET

from app import models
from app.core.errors import Forbidden, LimitReached, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs, recent
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.schema.kit.filters import tree
from app.schema.webhooks.endpoints import MadeWebhookEndpoint, WebhookEndpoint, WebhookFilter
from app.services.webhooks import endpoints

MANAGE = needs(models.Permission.WEBHOOKS_MANAGE)
MAKE = needs(models.Permission.WEBHOOKS_MANAGE, recent(2))


@strawberry.type
class Query:
    @connection(WebhookEndpoint, MANAGE)
    async def webhook_endpoints(self, info: Info, page: PageArgs) -> Page[models.WebhookEndpoint]:
        """The servers that are told what happens in the organization."""
        return await endpoints.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(MadeWebhookEndpoint, MAKE, fails=(NotFound, Forbidden, LimitReached))
    async def create_webhook_endpoint(
        self, info: Info, input: endpoints.NewWebhookEndpoint, filter: WebhookFilter | None = None
    ) -> endpoints.MadeWebhookEndpoint:
        """Let a server be told of what happens from now on. Keep its secret: it is not shown again."""
        return await endpoints.make(info.context.actor, input, tree(filter))

    @mutation(WebhookEndpoint, MAKE, fails=(NotFound, Forbidden))
    async def update_webhook_endpoint(
        self, info: Info, input: endpoints.WebhookEndpointEdit, filter: WebhookFilter | None = UNSET
    ) -> models.WebhookEndpoint:
        """Change an endpoint. A filter of null lets it hear of everything of its types."""
        filtered = filter is not UNSET
        given = tree(filter) if filtered else None
        return await endpoints.edit(info.context.actor, input, given, filtered=filtered)

    @mutation(MadeWebhookEndpoint, MAKE, fails=(NotFound, Forbidden))
    async def rotate_webhook_secret(
        self, info: Info, input: endpoints.WebhookSecretRotation
    ) -> endpoints.MadeWebhookEndpoint:
        """Give an endpoint another secret, while the one that it has signs as well for a while longer."""
        return await endpoints.rotate(info.context.actor, input)

    @mutation(WebhookEndpoint, MANAGE, fails=(NotFound, Forbidden))
    async def pause_webhook_endpoint(
        self, info: Info, input: endpoints.WebhookEndpointAction
    ) -> models.WebhookEndpoint:
        """Send nothing to an endpoint until it is resumed."""
        return await endpoints.pause(info.context.actor, input)

    @mutation(WebhookEndpoint, MANAGE, fails=(NotFound, Forbidden))
    async def resume_webhook_endpoint(self, info: Info, input: endpoints.WebhookResumption) -> models.WebhookEndpoint:
        """Send to an endpoint again that was paused or disabled. It catches up, for as long as the log goes back."""
        return await endpoints.resume(info.context.actor, input)

    @mutation(WebhookEndpoint, MANAGE, fails=(NotFound, Forbidden))
    async def remove_webhook_endpoint(
        self, info: Info, input: endpoints.WebhookEndpointAction
    ) -> models.WebhookEndpoint:
        """Let an endpoint be no more, and what is kept of its deliveries."""
        return await endpoints.remove(info.context.actor, input)

import strawberry

from app import models
from app.core.errors import Forbidden, LimitReached, NotFound
from app.core.paging import Page, PageArgs
from app.schema.identity.keys import ApiKey, MadeApiKey
from app.schema.kit.audiences import needs, recent
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation
from app.services.identity import keys

MANAGE = needs(models.Permission.KEYS_MANAGE)
MAKE = needs(models.Permission.KEYS_MANAGE, recent(2))


@strawberry.type
class Query:
    @connection(ApiKey, MANAGE)
    async def api_keys(self, info: Info, page: PageArgs) -> Page[models.ApiKey]:
        """The API keys of the organization, those too that were revoked."""
        return await keys.newest(info.context.actor, page)


@strawberry.type
class Mutation:
    @mutation(MadeApiKey, MAKE, fails=(NotFound, Forbidden, LimitReached))
    async def create_api_key(self, info: Info, input: keys.NewApiKey) -> keys.MadeApiKey:
        """Make an API key, which may do no more than oneself. Keep its secret: it is not shown again."""
        return await keys.make(info.context.actor, input)

    @mutation(MadeApiKey, MAKE, fails=(NotFound, Forbidden))
    async def rotate_api_key(self, info: Info, input: keys.KeyRotation) -> keys.MadeApiKey:
        """Give an API key another secret, while the one that it has is good for a while longer."""
        return await keys.rotate(info.context.actor, input)

    @mutation(ApiKey, MANAGE, fails=(NotFound, Forbidden))
    async def revoke_api_key(self, info: Info, input: keys.KeyAction) -> models.ApiKey:
        """End an API key: its secrets and tokens are worth nothing any more, its sockets close."""
        return await keys.revoke(info.context.actor, input)

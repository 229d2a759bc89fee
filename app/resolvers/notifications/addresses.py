import strawberry

from app import models
from app.core.errors import LimitReached, NotFound, Unavailable
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import anyone, signed_in
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.notifications.addresses import NotificationAddress
from app.services.notifications import addresses


@strawberry.type
class Query:
    @connection(NotificationAddress, signed_in())
    async def notification_addresses(self, info: Info, page: PageArgs) -> Page[models.NotificationAddress]:
        """Where one is told of things besides one's e-mail and phone."""
        return await addresses.mine(info.context.actor, page)

    @query(str | None, anyone())
    def web_push_key(self, info: Info) -> str | None:
        """What browsers subscribe with (`applicationServerKey`); null where they cannot."""
        return addresses.browser_key()


@strawberry.type
class Mutation:
    @mutation(NotificationAddress, signed_in(), fails=(LimitReached, Unavailable))
    async def add_app_address(self, info: Info, input: addresses.AppAddress) -> models.NotificationAddress:
        """Be told by an app; whoever used it before is told there no more."""
        return await addresses.add_app(info.context.actor, input)

    @mutation(NotificationAddress, signed_in(), fails=(LimitReached, Unavailable))
    async def add_browser_address(self, info: Info, input: addresses.BrowserAddress) -> models.NotificationAddress:
        """Be told by a browser; whoever used it before is told there no more."""
        return await addresses.add_browser(info.context.actor, input)

    @mutation(NotificationAddress, signed_in(), fails=(LimitReached,))
    async def add_chat_address(self, info: Info, input: addresses.ChatAddress) -> models.NotificationAddress:
        """Be told in a chat tool."""
        return await addresses.add_chat(info.context.actor, input)

    @mutation(NotificationAddress, signed_in(), fails=(NotFound,))
    async def remove_notification_address(
        self, info: Info, input: addresses.AddressRemoval
    ) -> models.NotificationAddress:
        """Be told there no more."""
        return await addresses.remove(info.context.actor, input)

"""The next invoice of a subscription, live: by whatever becomes of it, and by what is used meanwhile."""

from collections.abc import AsyncGenerator

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.services.billing.subscribing import subscriptions, upcoming
from app.services.billing.subscribing.upcoming import Upcoming


async def follow(actor: Actor, subscription_id: ObjectId) -> AsyncGenerator[Upcoming, None]:
    """What a subscription will be billed, and again whenever that is another, until the actor may not see it any more.

    Raises NotFound.
    """
    row = await subscriptions.require(actor, subscription_id)
    async with changes.hub().follow((f"b:{row.id}", f"w:{row.customer_id}"), None) as log:
        shown = await upcoming.of(row)
        if shown is not None:
            yield shown
        async for _ in log:
            seen = await subscriptions.find(actor, subscription_id)
            if seen is None:
                return
            following = await upcoming.of(seen)
            if following is not None and following != shown:
                yield following
                shown = following

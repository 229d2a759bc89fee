"""The live feed of a person's notifications."""

from collections.abc import AsyncGenerator

from app.core import feeds
from app.core.actor import Actor
from app.core.feeds import Told
from app.models.notifications.events import NotificationEvent


async def follow(actor: Actor, after: str | None) -> AsyncGenerator[Told, None]:
    """What happens to the actor's notifications in their organization, from a cursor on.

    Raises BadCursor or ResyncRequired.
    """
    async with feeds.follow(*feed(actor), after=after) as log:
        async for heard in log:
            if isinstance(heard.event, NotificationEvent) and heard.change.organization_id == actor.organization_id:
                yield heard


def feed(actor: Actor) -> tuple[str]:
    """The streams of the log that the feed is made of."""
    return (f"u:{actor.user_id}",)

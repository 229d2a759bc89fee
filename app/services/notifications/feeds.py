"""The live feed of a person's notifications."""

from dataclasses import dataclass

from bson import ObjectId

from app.core.actor import Actor
from app.core.changes import Change
from app.core.feeds import Feed, Told
from app.models.notifications.events import NotificationEvent


@dataclass(frozen=True)
class NotificationFeed(Feed):
    """What happens to a person's notifications in one organization."""

    organization_id: ObjectId | None

    def tell(self, change: Change) -> Told | None:
        told = super().tell(change)
        mine = told and isinstance(told.event, NotificationEvent) and change.organization_id == self.organization_id
        return told if mine else None


def of(actor: Actor) -> NotificationFeed:
    """The actor's own, in their organization."""
    return NotificationFeed((f"u:{actor.user_id}",), actor.organization_id)

"""What happens to a person's notifications, in their own feed, `u:<id>`; and what is to go out to them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bson import ObjectId

from app.core.changes import Event, OfUser


@dataclass(frozen=True, kw_only=True)
class NotificationEvent(OfUser, Event):
    audited = False


@dataclass(frozen=True, kw_only=True)
class NotificationCreated(NotificationEvent):
    notification: ObjectId


@dataclass(frozen=True, kw_only=True)
class NotificationsRead(NotificationEvent):
    """These were read; an empty list means all that had come by then."""

    notifications: list[ObjectId] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class NotificationsArchived(NotificationEvent):
    notifications: list[ObjectId] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class DeliveryEvent(Event):
    """Something is to go out, not before `due`."""

    audited = False

    delivery: ObjectId
    due: datetime | None = None

    def feeds(self) -> Iterable[str]:
        return []


@dataclass(frozen=True, kw_only=True)
class DeliveryAsked(DeliveryEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class UrgentDeliveryAsked(DeliveryEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class BulkDeliveryAsked(DeliveryEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class CampaignEvent(Event):
    """What happens to a campaign, in its own feed, `m:<id>`."""

    campaign: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"m:{self.campaign}"]


@dataclass(frozen=True, kw_only=True)
class CampaignMoved(CampaignEvent):
    """It came to another state."""

    state: str


@dataclass(frozen=True, kw_only=True)
class CampaignBatchDue(CampaignEvent):
    """The next of its e-mails are to be asked for, not before `due`, if this is still its turn."""

    audited = False

    turn: int
    due: datetime


@dataclass(frozen=True, kw_only=True)
class NotificationPreferencesChanged(OfUser, Event):
    """Somebody has chosen how they want to be told of things."""


@dataclass(frozen=True, kw_only=True)
class NotificationDefaultsChanged(Event):
    """An organization has chosen how people in it are told of things."""

    organization: ObjectId


@dataclass(frozen=True, kw_only=True)
class NotificationAddressAdded(OfUser, Event):
    """Somebody is told of things at another place, too."""

    address: ObjectId


@dataclass(frozen=True, kw_only=True)
class NotificationAddressRemoved(OfUser, Event):
    """By themself, or because there is nothing there any more."""

    address: ObjectId


@dataclass(frozen=True, kw_only=True)
class NudgeDue(Event):
    """It is time to tell somebody of a notification by a channel, if there is still reason to.

    One that is `escalated` comes because it was not read, where it would not have come by itself.
    """

    audited = False

    user: ObjectId
    notification: ObjectId
    channel: str
    due: datetime
    escalated: bool = False


@dataclass(frozen=True, kw_only=True)
class DigestDue(Event):
    """It is time to tell somebody by a channel of all that was held for this moment."""

    audited = False

    user: ObjectId
    channel: str
    due: datetime

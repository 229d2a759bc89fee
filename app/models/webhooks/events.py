"""What happens to webhooks themselves; in the organization's feed, for those who manage them."""

from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from app.core.changes import Event


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointMade(Event):
    endpoint: ObjectId


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointChanged(Event):
    """It has other settings, or was paused, resumed or disabled."""

    endpoint: ObjectId
    state: str


@dataclass(frozen=True, kw_only=True)
class WebhookSecretRotated(Event):
    endpoint: ObjectId
    until: datetime
    """Until when the secret before is good."""


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointRemoved(Event):
    endpoint: ObjectId


@dataclass(frozen=True, kw_only=True)
class WebhookTroubled(Event):
    """It has failed for a while, or was disabled: those who manage it are to hear of it."""

    endpoint: ObjectId
    fault: str | None = None
    """Why it was disabled, if it was."""


@dataclass(frozen=True, kw_only=True)
class WebhookWoken(Event):
    """There is something to send: this run of the endpoint begins."""

    audited = False

    endpoint: ObjectId
    run: int


@dataclass(frozen=True, kw_only=True)
class WebhookAsleep(Event):
    """Nothing is to be sent before `until`."""

    audited = False

    endpoint: ObjectId
    until: datetime


@dataclass(frozen=True, kw_only=True)
class WebhookReplayAsked(Event):
    """What happened from `since` to `until` is to be sent once more; or only what was not delivered."""

    endpoint: ObjectId
    since: datetime
    until: datetime
    failed_only: bool

"""What a notification type is made of."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any, Generic, TypeVar

from bson import ObjectId

from app.core.actor import Actor
from app.core.changes import Change, Event
from app.models import Channel, Mode, Notification, NotificationKind

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Told(Generic[E]):
    """An event, and where the log has it."""

    change: Change
    event: E


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody is to be told, in the organization in which they work, in a line; Words in their own language."""

    change: Change
    user_id: ObjectId
    organization_id: ObjectId
    text: str
    actor_id: ObjectId | None = None
    conversation_id: ObjectId | None = None
    message_id: ObjectId | None = None
    invitation_id: ObjectId | None = None
    event_id: ObjectId | None = None
    invoice_id: ObjectId | None = None


Audience = Callable[[Sequence[Told[E]]], Awaitable[Sequence[Notice]]]
"""Who is told of events that came together; none of them may tell one person of one event twice."""

Standing = Callable[[Actor, Sequence[Notification]], Awaitable[set[ObjectId]]]
"""Which of these still say something to their reader, as whom it is asked, with what they may see."""


async def nobody(told: Sequence[Told[Any]]) -> list[Notice]:
    """The audience of what comes by other ways and is in no list."""
    return []


class Importance(IntEnum):
    """How much it matters that somebody is told at once."""

    NORMAL = 0
    URGENT = 1
    """Quiet hours, throttles and caps do not hold it up."""
    CRITICAL = 2
    """And nobody can switch it off where it comes by itself."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """So many in such a stretch come one by one on each channel, the rest together."""

    times: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class Escalation:
    """Where it goes next if it is not read so long after it was made."""

    after: timedelta
    channel: Channel


async def always(actor: Actor, rows: Sequence[Notification]) -> set[ObjectId]:
    """What was so when it was told is so for good."""
    return {row.id for row in rows}


INTERRUPTING: Mapping[Channel, Mode] = dict.fromkeys(
    (Channel.PUSH, Channel.WEB_PUSH, Channel.SLACK, Channel.TEAMS), Mode.IMMEDIATE
)
"""Where things come that are of today: who has given such an address wants them there."""


@dataclass(frozen=True, slots=True)
class NotificationType(Generic[E]):
    """One kind of notification, caused by events of one type.

    `channels` says how it comes as long as nobody chooses otherwise; where it says nothing it does not. Of what is
    `mailed` an e-mail of its own tells, whatever anybody chooses: then no other does.
    """

    kind: NotificationKind
    event: type[E]
    audience: Audience[E]
    channels: Mapping[Channel, Mode] = field(default_factory=lambda: INTERRUPTING)
    importance: Importance = Importance.NORMAL
    throttle: Throttle | None = None
    mailed: bool = False
    stands: Standing = always
    escalations: Sequence[Escalation] = ()

    async def notices(self, page: Sequence[Change]) -> Sequence[Notice]:
        """Who is told of what by a page of the log."""
        told = [Told(change, change.event) for change in page if isinstance(change.event, self.event)]
        return await self.audience(told) if told else ()


AnyType = NotificationType[Any]

"""Links in e-mails to have no more like them: what an organization sends to many, or notifications of a kind."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bson import ObjectId

from app.core.actor import Actor
from app.core.clock import now
from app.core.words import Words, words
from app.models import Channel, Delivery, DeliveryPriority, Mode, NotificationKind, SuppressionReason, User
from app.services.notifications import attention, links, preferences, suppressions
from app.services.notifications.decisions import chosen
from app.services.notifications.kinds import DIGEST
from app.services.notifications.links import BadLink
from app.services.notifications.preferences import ChannelChoice, PreferencesEdit
from app.services.notifications.types.declaration import Importance
from app.services.notifications.types.registry import TYPES

MANY, KIND = "unsubscribe", "unsubscribe/notifications"
"""The paths of the two."""
PLATFORM = Actor.platform()


@dataclass(frozen=True, slots=True)
class Way:
    """What a link is about, and what it does; both raise BadLink."""

    about: Callable[[str], Awaitable[Words]]
    follow: Callable[[str], Awaitable[None]]


def link(delivery: Delivery) -> str | None:
    """Where its receiver gets no more like it; None for what they cannot do without."""
    organization = delivery.organization_id.binary
    if delivery.priority is DeliveryPriority.BULK:
        return links.made(MANY, organization + delivery.address.encode())
    if delivery.user_id and (delivery.kind == DIGEST or delivery.kind in _OPTIONAL):
        return links.made(KIND, organization + delivery.user_id.binary + delivery.kind.encode())
    return None


_OPTIONAL = {kind.value for kind, type in TYPES.items() if type.importance is not Importance.CRITICAL}


async def _about_many(token: str) -> Words:
    return words("E-mails to many, sent to {address}.", address=_many(token)[1])


async def _no_more_to_many(token: str) -> None:
    await suppressions.add(*_many(token), SuppressionReason.UNSUBSCRIBED)


def _many(token: str) -> tuple[ObjectId, str]:
    """The organization, and the address."""
    plain = links.opened(MANY, token)
    return ObjectId(plain[:12]), plain[12:].decode()


async def _about_kind(token: str) -> Words:
    _, user, _ = await _kind(token)
    return words("E-mails like the one that was sent to {address}.", address=user.email)


async def _no_more_of_kind(token: str) -> None:
    """A digest's are all kinds that would come together with others."""
    organization_id, user, kind = await _kind(token)
    reader = Actor(organization_id, user.id)
    kinds = [NotificationKind(kind)] if kind != DIGEST else await _in_digests(user, organization_id)
    off = [ChannelChoice(kind=one, channel=Channel.EMAIL, mode=Mode.OFF) for one in kinds]
    await preferences.edit(reader, PreferencesEdit(choices=off))


async def _in_digests(user: User, organization_id: ObjectId) -> list[NotificationKind]:
    known = await attention.of(user, organization_id, now())
    modes = {kind: chosen(type, Channel.EMAIL, known)[0] for kind, type in TYPES.items()}
    return [kind for kind, mode in modes.items() if mode not in (Mode.OFF, Mode.IMMEDIATE)]


async def _kind(token: str) -> tuple[ObjectId, User, str]:
    """The organization, the person, and the kind of what was sent."""
    plain = links.opened(KIND, token)
    user = await User.lookup(PLATFORM, _id=ObjectId(plain[12:24]), erased_at=None)
    if user is None:
        raise BadLink("This link is not one of ours.")
    return ObjectId(plain[:12]), user, plain[24:].decode()


WAYS: Mapping[str, Way] = {MANY: Way(_about_many, _no_more_to_many), KIND: Way(_about_kind, _no_more_of_kind)}
"""By path."""

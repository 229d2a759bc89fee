"""What is said of notifications on each channel, and to which addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from app.core.actor import Actor
from app.core.clock import now
from app.core.settings import settings
from app.models import Channel, Notification, Organization, User
from app.services.notifications import addresses, deliveries
from app.services.notifications.decisions import Attention
from app.services.notifications.deliveries import Wanted
from app.services.notifications.kinds import DIGEST

MAX_LINES = 5
"""Of a digest where there is little room."""
LASTS = timedelta(days=1)
"""After which it is of no use to be told by what interrupts."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody in an organization: as whom they read, as whom the platform writes, and their attention."""

    actor: Actor
    platform: Actor
    user: User
    attention: Attention


async def one(reader: Reader, channel: Channel, row: Notification) -> None:
    """Tell somebody of a notification by a channel."""
    await _ask(reader, channel, row.kind.value, row.id, "notification", {"text": row.text})


async def together(
    reader: Reader, channel: Channel, rows: Sequence[Notification], cause: ObjectId, *, more: int = 0
) -> None:
    """Tell somebody of several notifications, the newest first, and of so many more, by a channel."""
    count = len(rows) + more
    lines = [row.text for row in (rows if channel is Channel.EMAIL else rows[:MAX_LINES])]
    if count > len(lines):
        lines.append(f"+{count - len(lines)}")
    if channel is Channel.EMAIL:
        await _ask(reader, channel, DIGEST, cause, DIGEST, {"count": count, "lines": lines})
    else:
        await _ask(reader, channel, DIGEST, cause, None, {"text": "\n".join(lines)})


async def _ask(
    reader: Reader, channel: Channel, kind: str, cause: ObjectId, template: str | None, said: Mapping[str, Any]
) -> None:
    assert reader.actor.organization_id
    organization = await Organization.require(reader.platform, reader.actor.organization_id)
    mail, link = channel is Channel.EMAIL, str(settings().public_url)
    known = {"name": reader.user.name} if mail else {"title": organization.name}
    for address in await addresses.reached(reader.user, channel):
        wanted = Wanted(
            channel=channel,
            kind=kind,
            template=template if mail else None,
            address=address,
            content={**said, **known, "link": link},
            locale=reader.user.locale,
            organization_id=organization.id,
            user_id=reader.user.id,
            expires_at=None if mail else now() + LASTS,
            cancel_key=str(cause),
        )
        await deliveries.ask(cause, wanted)

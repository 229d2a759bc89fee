"""Who is told that staff acts as them."""

from collections.abc import Sequence

from app.core.actor import Actor
from app.core.words import words
from app.models import Channel, Mode, NotificationKind, Session, User
from app.models.identity.events import ImpersonationBegan
from app.services.notifications.types.declaration import INTERRUPTING, Importance, Notice, NotificationType, Told

PLATFORM = Actor.platform()


async def _impersonated(told: Sequence[Told[ImpersonationBegan]]) -> list[Notice]:
    made = []
    for one in told:
        session = await Session.lookup(PLATFORM, _id=one.event.session)
        if session is None or session.organization_id is None:
            continue
        behind = await User.lookup(PLATFORM, _id=session.behind_id)
        text = words(
            "{person} of the platform's staff acts as you until {time} UTC: {reason}",
            person=behind.name if behind else words("Somebody"),
            time=f"{session.expires_at:%H:%M}",
            reason=session.reason,
        )
        made.append(Notice(one.change, one.event.user, session.organization_id, text, session.behind_id))
    return made


IMPERSONATION = NotificationType(
    NotificationKind.IMPERSONATION,
    ImpersonationBegan,
    _impersonated,
    channels={**INTERRUPTING, Channel.EMAIL: Mode.IMMEDIATE},
    importance=Importance.CRITICAL,
)

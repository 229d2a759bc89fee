"""A person's notifications: reading them, and being done with them."""

from dataclasses import dataclass
from typing import Annotated, Any

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Event
from app.core.clock import now
from app.core.commands import Command, Ref
from app.core.errors import NotFound
from app.core.paging import NEWEST, Page, PageArgs
from app.core.rows import Value
from app.models import Notification
from app.models.notifications.events import NotificationsArchived, NotificationsRead
from app.services.notifications import deliveries

MAX_AT_ONCE = 100
UNREAD_CAP = 100
"""Unread notifications are counted up to this."""
RECENT = 1_000
"""Among so many, the newest, is whatever may still be on its way to a phone or a mailbox."""

NotificationIds = Annotated[list[Annotated[ObjectId, Ref("Notification")]], Field(min_length=1, max_length=MAX_AT_ONCE)]


class NotificationsToRead(Command):
    """What one has read."""

    ids: Annotated[NotificationIds | None, Field(description="All that have come, when left out.")] = None


class NotificationsToArchive(Command):
    """What one wants to see no more."""

    ids: NotificationIds


@dataclass(slots=True)
class Marked(Value):
    """How many notifications were changed, and how many are unread now, counted up to UNREAD_CAP."""

    changed: int
    unread: int


async def find(actor: Actor, id: ObjectId) -> Notification | None:
    """The notification, if it is the actor's."""
    return await Notification.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs, *, unread_only: bool, archived: bool) -> Page[Notification]:
    """One's notifications, the newest first; archived ones only when asked for, and then alone."""
    where: dict[str, Any] = {"archived_at": {"$ne": None} if archived else None}
    return await Notification.page(actor, page, where | ({"read_at": None} if unread_only else {}))


async def count_unread(actor: Actor) -> int:
    """Counted up to UNREAD_CAP."""
    return await Notification.tally(actor, {"read_at": None, "archived_at": None}, cap=UNREAD_CAP)


async def mark_read(actor: Actor, given: NotificationsToRead) -> Marked:
    """Note that these were read, or all. Raises NotFound."""
    assert actor.user_id
    told = NotificationsRead(actor, user=actor.user_id, notifications=given.ids or [])
    return await _mark(actor, given.ids, "read_at", told)


async def archive(actor: Actor, given: NotificationsToArchive) -> Marked:
    """Put these away. Raises NotFound."""
    assert actor.user_id
    told = NotificationsArchived(actor, user=actor.user_id, notifications=given.ids)
    return await _mark(actor, given.ids, "archived_at", told)


async def _mark(actor: Actor, ids: list[ObjectId] | None, attribute: str, told: Event) -> Marked:
    """Set a moment on those that have none yet, and let what was about to tell of them stay away."""
    which: dict[str, Any] = {} if ids is None else {"_id": {"$in": ids}}
    if ids is not None:
        mine = await Notification.by_ids(actor, ids, frozenset())
        for index, id in enumerate(ids):
            if id not in mine:
                raise NotFound("There is no such {kind}.", kind="Notification", path=["input", "ids", str(index)])
    where = Notification.within(actor, {**which, attribute: None})
    recent = await Notification.select(actor, where, fields=frozenset(), order=NEWEST, limit=RECENT)
    changed = await changes.change_all(Notification, where, {"$set": {attribute: now()}}, told)
    if recent:
        await deliveries.cancel(actor.organization_id, [str(one.id) for one in recent])
    return Marked(changed, await count_unread(actor))

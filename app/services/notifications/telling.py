"""Notifications made of the change log, each once however often a page of it comes."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Change
from app.core.clock import derived_id, time_of
from app.core.words import ENGLISH, Words, negotiated, said, words
from app.models import Message, Notification, NotificationDocument, NotificationKind, User
from app.models.messaging.events import MessageDeleted, MessageEdited
from app.models.notifications.events import NotificationCreated
from app.services.notifications.letters import preview
from app.services.notifications.types.declaration import Notice
from app.services.notifications.types.messages import MAX_TEXT
from app.services.notifications.types.registry import TYPES

PLATFORM = Actor.platform()
DELETED = words("This message was deleted.")


async def follow(page: Sequence[Change]) -> None:
    """Tell people of what a page of the log says to them, and quote no more what was changed."""
    told = [(notice, kind) for kind, type in TYPES.items() for notice in await type.notices(page)]
    spoken = await _languages(notice.user_id for notice, _ in told)
    made = [_made(notice, kind, spoken[notice.user_id]) for notice, kind in told]
    await asyncio.gather(*(_tell(notification) for notification in made))
    await _requote(page)


async def _languages(user_ids: Iterable[ObjectId]) -> Mapping[ObjectId, str]:
    """What each of these people reads."""
    ids = {*user_ids}
    people = await User.by_ids(PLATFORM, ids, frozenset({"locale"})) if ids else {}
    return {id: negotiated(people[id].locale) if id in people else ENGLISH for id in ids}


async def _tell(notification: NotificationDocument) -> None:
    actor = Actor.platform(notification.organization_id)
    told = NotificationCreated(actor, user=notification.user_id, notification=notification.id)
    with suppress(DuplicateKeyError):  # the page came before
        await changes.insert(notification, told)


def _made(notice: Notice, kind: NotificationKind, language: str) -> NotificationDocument:
    id = notice.change.id
    text = said(notice.text, language) if isinstance(notice.text, Words) else notice.text
    return NotificationDocument(
        id=derived_id(id, notice.user_id),
        organization_id=notice.organization_id,
        user_id=notice.user_id,
        kind=kind,
        actor_id=notice.actor_id,
        conversation_id=notice.conversation_id,
        message_id=notice.message_id,
        invitation_id=notice.invitation_id,
        event_id=notice.event_id,
        invoice_id=notice.invoice_id,
        text=preview(text, MAX_TEXT),
        created_at=time_of(id),
    )


async def _requote(page: Sequence[Change]) -> None:
    """Let notifications say what their messages say now."""
    changed = [(c, c.event.message) for c in page if isinstance(c.event, MessageEdited | MessageDeleted)]
    texts: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    for organization_id in dict.fromkeys(change.organization_id for change, _ in changed):
        inside = Actor.platform(organization_id)
        ids = {id for change, id in changed if change.organization_id == organization_id}
        for id, message in (await Message.by_ids(inside, ids)).items():
            about = Notification.within(inside, message_id=id)
            if message.deleted_at is None:
                texts.append((about, {"$set": {"text": preview(message.text, MAX_TEXT)}}))
                continue
            readers = {row.user_id for row in await Notification.select(inside, about, fields=frozenset({"user_id"}))}
            for reader, language in (await _languages(readers)).items():
                texts.append(({**about, "user_id": reader}, {"$set": {"text": said(DELETED, language)}}))
    await changes.project(Notification, texts)

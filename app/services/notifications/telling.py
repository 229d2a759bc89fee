"""Who is told of what: notifications made of the change log, each once however often a page of it comes."""

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
from app.models import (
    Invitation,
    InvitationState,
    Message,
    Notification,
    NotificationDocument,
    NotificationKind,
    Organization,
    Participant,
    User,
)
from app.models.messaging.events import MessageDeleted, MessageEdited, MessageSent
from app.models.notifications.events import NotificationCreated
from app.models.organizations.events import MemberInvited
from app.services.identity import sessions
from app.services.notifications.letters import preview
from app.services.organizations import members

MAX_TEXT = 140
DELETED = "This message was deleted."
PLATFORM = Actor.platform()


async def follow(page: Sequence[Change]) -> None:
    """Tell people of mentions, replies and invitations in a page of the log, and quote no more what was changed."""
    made = [*await _of_messages(page), *await _of_invitations(page)]
    await asyncio.gather(*(_tell(notification) for notification in made))
    await _requote(page)


async def _tell(notification: NotificationDocument) -> None:
    actor = Actor.platform(notification.organization_id)
    told = NotificationCreated(actor, user=notification.user_id, notification=notification.id)
    with suppress(DuplicateKeyError):  # the page came before
        await changes.insert(notification, told)


async def _of_messages(page: Sequence[Change]) -> list[NotificationDocument]:
    """Of what names somebody or answers them, for those who are still in the conversation."""
    sent = [(change, change.event) for change in page if isinstance(change.event, MessageSent)]
    told = [(change, event, kinds) for change, event in sent if (kinds := _addressed(event))]
    made: list[NotificationDocument] = []
    for organization_id in dict.fromkeys(change.organization_id for change, _, _ in told):
        here = [(change, event, kinds) for change, event, kinds in told if change.organization_id == organization_id]
        inside = Actor.platform(organization_id)
        messages = await Message.by_ids(inside, [event.message for _, event, _ in here])
        members = await _members(inside, [(event.conversation, kinds) for _, event, kinds in here])
        for change, event, kinds in here:
            message: Message | None = messages.get(event.message)
            if message is None or message.deleted_at:
                continue
            made += [
                _made(
                    change,
                    user_id,
                    kind,
                    organization_id=organization_id,
                    actor_id=event.sender,
                    conversation_id=event.conversation,
                    message_id=event.message,
                    text=preview(message.text, MAX_TEXT),
                )
                for user_id, kind in kinds.items()
                if (event.conversation, user_id) in members
            ]
    return made


def _addressed(event: MessageSent) -> Mapping[ObjectId, NotificationKind]:
    """Whom a message addresses besides its sender; a mention counts for more than a reply."""
    kinds = dict.fromkeys(event.mentions, NotificationKind.MENTION)
    if event.answers:
        kinds.setdefault(event.answers, NotificationKind.REPLY)
    kinds.pop(event.sender, None)
    return kinds


async def _members(
    actor: Actor, asked: Iterable[tuple[ObjectId, Iterable[ObjectId]]]
) -> set[tuple[ObjectId, ObjectId]]:
    pairs = [{"conversation_id": conversation_id, "user_id": {"$in": list(ids)}} for conversation_id, ids in asked]
    sides = await Participant.select(actor, {"$or": pairs}, fields=frozenset({"conversation_id", "user_id"}))
    active = await members.active_ids(actor, [side.user_id for side in sides])
    return {(side.conversation_id, side.user_id) for side in sides if side.user_id in active}


async def _of_invitations(page: Sequence[Change]) -> list[NotificationDocument]:
    """For who has an account and works in some organization; all others have the e-mail only."""
    made = []
    for change in page:
        if not isinstance(event := change.event, MemberInvited):
            continue
        inside = Actor.platform(event.actor.organization_id)
        invitation = await Invitation.lookup(inside, _id=event.invitation, state=InvitationState.PENDING.value)
        person = await User.lookup(PLATFORM, email=invitation.email) if invitation else None
        place = await sessions.place_of(person) if person else None
        if invitation is None or person is None or place is None:
            continue
        organization = await Organization.require(PLATFORM, invitation.organization_id)
        inviter = await User.lookup(PLATFORM, _id=invitation.invited_by_id)
        made.append(
            _made(
                change,
                person.id,
                NotificationKind.INVITATION,
                organization_id=place.organization_id,
                actor_id=invitation.invited_by_id,
                invitation_id=invitation.id,
                text=f"{inviter.name if inviter else 'Somebody'} invites you to join {organization.name}.",
            )
        )
    return made


def _made(change: Change, user_id: ObjectId, kind: NotificationKind, **attributes: Any) -> NotificationDocument:
    id = derived_id(change.id, user_id)
    return NotificationDocument(id=id, user_id=user_id, kind=kind, created_at=time_of(change.id), **attributes)


async def _requote(page: Sequence[Change]) -> None:
    """Let notifications say what their messages say now."""
    changed = [(c, c.event.message) for c in page if isinstance(c.event, MessageEdited | MessageDeleted)]
    texts: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    for organization_id in dict.fromkeys(change.organization_id for change, _ in changed):
        inside = Actor.platform(organization_id)
        ids = {id for change, id in changed if change.organization_id == organization_id}
        for id, message in (await Message.by_ids(inside, ids)).items():
            text = DELETED if message.deleted_at else preview(message.text, MAX_TEXT)
            texts.append((Notification.within(inside, message_id=id), {"$set": {"text": text}}))
    await changes.project(Notification, texts)

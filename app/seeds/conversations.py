"""Stores a script as a conversation, with everything that its members did in it."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.models import (
    Attachment,
    Conversation,
    ConversationDocument,
    ConversationKind,
    Message,
    MessageDocument,
    Participant,
    ParticipantDocument,
    ParticipantRole,
    Reaction,
)
from app.models.messaging.events import ConversationStarted, MessageSent, ParticipantJoined
from app.seeds.moments import id_at, timeline
from app.seeds.people import PEOPLE, Place, user_id
from app.seeds.scripts import Line, Script

FILES = "https://files.example.com/demo"

_NAMED = re.compile(r"@(\w+)")
_KEYS = {person.first_name: key for key, person in PEOPLE.items()}
_QUIET = timedelta(hours=12)
"""Between the beginning of a conversation and its first messages, at most twice as long."""
_LATER = timedelta(minutes=3)
"""When somebody edited a message or took it back, after they sent it."""


async def store(script: Script, place: Place, anchor: datetime) -> None:
    """Store what of the conversation is not there yet."""
    began = anchor - script.began
    messages = _messages(script, place, anchor)
    conversation = _conversation(script, place, anchor, messages[-1])
    founder = Actor(conversation.organization_id, conversation.created_by_id)
    same = Conversation.within(founder, _id=conversation.id)
    await changes.insert_once(conversation, same, ConversationStarted(founder, conversation=conversation.id))
    joined = {key: began + timedelta(seconds=index) for index, key in enumerate(script.members)}
    sides = [_side(script, key, conversation, moment, messages, anchor) for key, moment in joined.items()]
    await asyncio.gather(*(_join(side) for side in sides))
    senders = {message.id: message.sender_id for message in messages}
    await asyncio.gather(*(_send(message, senders) for message in messages))


def _conversation(script: Script, place: Place, anchor: datetime, newest: MessageDocument) -> ConversationDocument:
    began, members = anchor - script.began, [user_id(key, anchor) for key in script.members]
    return ConversationDocument(
        id=id_at(began, script.name),
        organization_id=place.id(anchor),
        kind=ConversationKind.GROUP if script.title else ConversationKind.DIRECT,
        title=script.title,
        member_ids=members,
        direct_key=None if script.title else ":".join(sorted(map(str, members))),
        created_by_id=members[0],
        created_at=began,
        last_message_id=newest.id,
        active_at=newest.sent_at,
    )


def _messages(script: Script, place: Place, anchor: datetime) -> list[MessageDocument]:
    began, ended = anchor - script.began, anchor - script.ended
    moments = timeline(script.name, began + _QUIET, ended, script.blocks)
    ids = [id_at(moment, f"{script.name}/{index}") for index, moment in enumerate(moments)]
    messages: list[MessageDocument] = []
    for line, id, moment in zip(script.lines, ids, moments, strict=True):
        answered = messages[line.answers] if line.answers is not None else None
        message = MessageDocument(
            id=id,
            organization_id=place.id(anchor),
            conversation_id=id_at(began, script.name),
            sender_id=user_id(line.sender, anchor),
            client_message_id=f"demo-{id}",
            text=line.text,
            reply_to_id=answered.id if answered else None,
            thread_id=(answered.thread_id or answered.id) if answered else None,
            sent_at=moment,
        )
        _finish(message, line, anchor)
        messages.append(message)
    return messages


def _finish(message: MessageDocument, line: Line, anchor: datetime) -> None:
    """Add what a message has besides its text, or take all away if it was deleted."""
    if line.deleted:
        message.text, message.deleted_at, message.version = "", message.sent_at + _LATER, 2
        return
    if line.edited:
        message.edited_at, message.version = message.sent_at + _LATER, 2
    if line.file:
        file = line.file
        message.attachments = [Attachment(f"{FILES}/{file.name}", file.name, file.media_type, file.size)]
    message.mention_ids = [user_id(_KEYS[name], anchor) for name in _NAMED.findall(line.text)]
    message.reactions = [Reaction(emoji, user_id(key, anchor)) for emoji, key in line.reactions]


def _side(
    script: Script,
    key: str,
    conversation: ConversationDocument,
    joined: datetime,
    messages: list[MessageDocument],
    anchor: datetime,
) -> ParticipantDocument:
    """A member's side. Who has something to read was told of it by e-mail, so that none goes out now."""
    unread = script.unread.get(key, 0)
    owns = script.title is None or key == script.members[0]
    return ParticipantDocument(
        id=id_at(joined, f"{script.name}/{key}"),
        organization_id=conversation.organization_id,
        conversation_id=conversation.id,
        user_id=user_id(key, anchor),
        role=ParticipantRole.OWNER if owns else ParticipantRole.MEMBER,
        read_id=messages[-1 - unread].id,
        noted_id=messages[-1].id if unread else None,
        joined_at=joined,
    )


async def _join(side: ParticipantDocument) -> None:
    member = Actor(side.organization_id, side.user_id)
    told = ParticipantJoined(member, conversation=side.conversation_id, user=side.user_id)
    await changes.insert_once(side, Participant.within(member, _id=side.id), told)


async def _send(message: MessageDocument, senders: Mapping[ObjectId, ObjectId]) -> None:
    sender = Actor(message.organization_id, message.sender_id)
    told = MessageSent(
        sender,
        conversation=message.conversation_id,
        message=message.id,
        sender=message.sender_id,
        mentions=message.mention_ids,
        answers=senders[message.reply_to_id] if message.reply_to_id else None,
    )
    await changes.insert_once(message, Message.within(sender, _id=message.id), told)

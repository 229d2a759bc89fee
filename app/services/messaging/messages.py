"""Messages: saying, changing, taking back, reacting, finding."""

import re
import unicodedata
from typing import Annotated, Any
from uuid import uuid4

from bson import ObjectId
from pydantic import AfterValidator, AnyHttpUrl, Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Conflict, Forbidden, Invalid, LimitReached, NotFound, VersionConflict
from app.core.filters import Filterable, Tree
from app.core.paging import NEWEST, OLDEST, Page, PageArgs
from app.core.words import words
from app.models import (
    Attachment,
    Conversation,
    ConversationKind,
    File,
    Message,
    MessageDocument,
    ParticipantRole,
    Permission,
)
from app.models.messaging.events import MessageDeleted, MessageEdited, MessageSent, ReactionsChanged
from app.services.media import files
from app.services.messaging import conversations
from app.services.messaging.conversations import ConversationId, UserId

MAX_TEXT = 5_000
MAX_REACTIONS = 1_000
SEARCHED_CONVERSATIONS = 1_000
FILTERABLE = Filterable(
    frozenset({"id", "sender_id", "text", "sent_at", "edited_at", "deleted_at", "thread_id", "mention_ids"})
)

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, description=f"1 to {MAX_TEXT} characters.")]
MessageId = Annotated[ObjectId, Ref("Message")]


class MessageGone(Conflict):
    """The message was deleted."""

    code = "MESSAGE_DELETED"


class TooManyReactions(LimitReached):
    code = "TOO_MANY_REACTIONS"


_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
_MODIFIERS = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_JOINER = "\u200d"


def _emoji(value: str) -> str:
    """One emoji: a flag, a keycap, or symbols that joiners make one."""
    symbols = _MODIFIERS.sub("", value).split(_JOINER)
    one = all(len(symbol) == 1 and unicodedata.category(symbol) == "So" for symbol in symbols)
    if not (one or _FLAG.fullmatch(value) or _KEYCAP.fullmatch(value)):
        raise ValueError(words("A reaction is one emoji."))
    return value


Emoji = Annotated[str, Field(min_length=1, max_length=16), AfterValidator(_emoji)]


class AttachmentDraft(Command):
    """A file elsewhere to point to; `size` in bytes."""

    url: AnyHttpUrl
    name: Annotated[str, Field(min_length=1, max_length=200)]
    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]{1,80}$")]
    size: Annotated[int, Field(ge=0, le=2_147_483_647)]


class MessageDraft(Command):
    """What to say. A `clientMessageId` makes sending safe to repeat: the second time answers the first message."""

    conversation_id: ConversationId
    text: Text
    client_message_id: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    reply_to_id: MessageId | None = None
    mention_ids: Annotated[list[UserId], Field(max_length=50)] = []
    attachments: Annotated[list[AttachmentDraft], Field(max_length=10)] = []
    file_ids: Annotated[
        list[Annotated[ObjectId, Ref("File")]], Field(max_length=10, description="One's own, clean and not sent yet.")
    ] = []


class MessageEdit(Command):
    """Another text for one's own message."""

    message_id: MessageId
    text: Text
    expected_version: int | None = None


class MessageAction(Command):
    """A message that one can see."""

    message_id: MessageId


class ReactionDraft(Command):
    """A reaction to give or take back."""

    message_id: MessageId
    emoji: Emoji


class MessageSearch(Command):
    """Words that must all occur."""

    text: Annotated[str, Field(min_length=1, max_length=200)]
    conversation_id: ConversationId | None = None


async def send(actor: Actor, draft: MessageDraft) -> Message:
    """Say something.

    Raises NotFound for a conversation the actor is not in, and for a file that is not theirs, Invalid for mentions of
    strangers, FileNotClean, and BlockedByThem.
    """
    assert actor.organization_id
    assert actor.user_id
    reads = frozenset({"kind", "direct_key", *(["member_ids"] if draft.mention_ids else [])})
    conversation = await conversations.get(actor, draft.conversation_id, reads)
    if conversation.kind is ConversationKind.DIRECT:
        await conversations.must_be_welcome(actor, conversation)
    if draft.mention_ids and not set(draft.mention_ids) <= set(conversation.member_ids):
        raise Invalid("Only members of the conversation can be mentioned.", path=["input", "mentionIds"])
    answered = await _in(actor, draft.conversation_id, draft.reply_to_id) if draft.reply_to_id else None
    message = MessageDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        conversation_id=draft.conversation_id,
        sender_id=actor.user_id,
        client_message_id=draft.client_message_id or uuid4().hex,
        text=draft.text,
        reply_to_id=answered.id if answered else None,
        thread_id=(answered.thread_id or answered.id) if answered else None,
        mention_ids=list(dict.fromkeys(draft.mention_ids)),
        attachments=[Attachment(str(a.url), a.name, a.media_type, a.size) for a in draft.attachments],
        sent_at=now(),
    )
    told = MessageSent(
        actor,
        conversation=message.conversation_id,
        message=message.id,
        sender=actor.user_id,
        mentions=message.mention_ids,
        answers=answered.sender_id if answered else None,
    )
    same = Message.within(
        actor,
        conversation_id=message.conversation_id,
        sender_id=actor.user_id,
        client_message_id=message.client_message_id,
    )
    if draft.file_ids:
        return await _send_with(actor, message, draft.file_ids, same, told)
    stored, _ = await changes.insert_once(message, same, told)
    return stored


@changes.atomic
async def _send_with(
    actor: Actor, message: MessageDocument, file_ids: list[ObjectId], same: dict[str, Any], told: MessageSent
) -> Message:
    """Store a message, unless it is there, with files that no other message carries."""
    if (stored := await Message.lookup(actor, same)) is not None:
        return stored
    carried = await files.attach(actor, file_ids, message.id)
    message = message.model_copy(update={"attachments": [*message.attachments, *map(_carried, carried)]})
    return await changes.insert(message, told)


def _carried(file: File) -> Attachment:
    return Attachment("", file.name, file.media_type or "application/octet-stream", file.size, file.id)


async def edit(actor: Actor, edit: MessageEdit) -> Message:
    """Change one's own message. Raises NotFound, Forbidden, MessageGone or VersionConflict."""
    message = await _standing(actor, edit.message_id)
    if message.sender_id != actor.user_id:
        raise Forbidden("Only its sender may change a message.")
    where = Message.within(actor, _id=message.id, deleted_at=None)
    set = {"text": edit.text, "edited_at": now()}
    told = MessageEdited(actor, conversation=message.conversation_id, message=message.id)
    try:
        return await changes.edit(Message, where, set, told, expected_version=edit.expected_version)
    except VersionConflict:
        await _standing(actor, message.id)  # unless it was deleted meanwhile
        raise


@changes.atomic
async def delete(actor: Actor, given: MessageAction) -> Message:
    """Take a message back; a tombstone stays. Its sender may, an owner of the conversation, and a moderator."""
    message = await _standing(actor, given.message_id)
    if message.sender_id != actor.user_id and not actor.can(Permission.MESSAGES_MODERATE):
        mine = await conversations.participant(actor, message.conversation_id)
        if mine.role is not ParticipantRole.OWNER:
            raise Forbidden("Only its sender, an owner of the conversation or a moderator may delete a message.")
    emptied = {"text": "", "attachments": [], "mention_ids": [], "reactions": [], "deleted_at": now()}
    told = MessageDeleted(actor, conversation=message.conversation_id, message=message.id)
    where = Message.within(actor, _id=message.id, deleted_at=None)
    changed = await changes.change(Message, where, {"$set": emptied, "$inc": {"version": 1}}, told)
    if changed is None:
        raise MessageGone("The message was deleted.")
    await files.detach(actor, message.id)
    return changed


async def react(actor: Actor, given: ReactionDraft) -> Message:
    """Add a reaction; once for each emoji and person. Raises NotFound, MessageGone or TooManyReactions."""
    message = await _standing(actor, given.message_id)
    mine = {"emoji": given.emoji, "user_id": actor.user_id}
    where = Message.within(
        actor, {f"reactions.{MAX_REACTIONS - 1}": {"$exists": False}}, _id=message.id, deleted_at=None
    )
    where["reactions"] = {"$not": {"$elemMatch": mine}}
    return await _reacted(actor, message, where, {"$addToSet": {"reactions": mine}})


async def unreact(actor: Actor, given: ReactionDraft) -> Message:
    """Take a reaction back. Raises NotFound or MessageGone."""
    message = await _standing(actor, given.message_id)
    mine = {"emoji": given.emoji, "user_id": actor.user_id}
    where = Message.within(actor, _id=message.id, deleted_at=None, reactions={"$elemMatch": mine})
    return await _reacted(actor, message, where, {"$pull": {"reactions": mine}})


async def newest(actor: Actor, conversation_id: ObjectId, page: PageArgs, filter: Tree | None = None) -> Page[Message]:
    """The messages of a conversation that the actor is known to be in, newest first."""
    where: dict[str, Any] = {"conversation_id": conversation_id}
    return await Message.page(actor, page, where | ({"$and": [FILTERABLE.mongo(filter)]} if filter else {}), NEWEST)


async def thread(actor: Actor, root_id: ObjectId, page: PageArgs) -> Page[Message]:
    """The answers to a message that the actor is known to see, and the answers to those; oldest first."""
    return await Message.page(actor, page, {"thread_id": root_id}, OLDEST)


async def find(actor: Actor, id: ObjectId) -> Message | None:
    """The message, if the actor is in its conversation."""
    message = await Message.lookup(actor, _id=id)
    return message if message and await conversations.find(actor, message.conversation_id, frozenset()) else None


async def search(actor: Actor, search: MessageSearch, page: PageArgs) -> Page[Message]:
    """Messages in one's own conversations in which every word occurs, newest first."""
    mine: dict[str, Any] = {"member_ids": actor.user_id} | (
        {"_id": search.conversation_id} if search.conversation_id else {}
    )
    rows = await Conversation.select(
        actor, mine, fields=frozenset(), order=conversations.ACTIVITY, limit=SEARCHED_CONVERSATIONS
    )
    words = " ".join(f'"{word}"' for word in search.text.replace('"', " ").replace("\\", " ").split())
    if not words:
        raise Invalid("Name a word to look for.", path=["input", "text"])
    where = {"$text": {"$search": words}, "conversation_id": {"$in": [row.id for row in rows]}, "deleted_at": None}
    return await Message.page(actor, page, where, NEWEST)


async def _in(actor: Actor, conversation_id: ObjectId, id: ObjectId) -> Message:
    message = await Message.lookup(actor, _id=id, conversation_id=conversation_id)
    if message is None:
        raise NotFound("There is no such Message in this conversation.", path=["input", "replyToId"])
    return message


async def _standing(actor: Actor, id: ObjectId) -> Message:
    message = await find(actor, id)
    if message is None:
        raise NotFound("There is no such {kind}.", kind="Message")
    if message.deleted_at:
        raise MessageGone("The message was deleted.")
    return message


async def _reacted(actor: Actor, message: Message, where: dict[str, Any], modifiers: dict[str, Any]) -> Message:
    told = ReactionsChanged(actor, conversation=message.conversation_id, message=message.id, user=actor.user_id)  # type: ignore[arg-type]
    changed = await changes.change(Message, where, modifiers, told)
    if changed is None:
        changed = await _standing(actor, message.id)  # it was so already, unless there is no room
        if len(changed.reactions) >= MAX_REACTIONS:
            raise TooManyReactions("A message takes at most {limit} reactions.", limit=MAX_REACTIONS)
    return changed

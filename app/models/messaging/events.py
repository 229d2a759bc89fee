"""What happens in conversations. All but the first ride in the feed of their conversation, `c:<id>`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bson import ObjectId

from app.core.changes import Event


@dataclass(frozen=True, kw_only=True)
class ConversationEvent(Event):
    conversation: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"c:{self.conversation}"]


@dataclass(frozen=True, kw_only=True)
class ConversationStarted(ConversationEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class ConversationChanged(ConversationEvent):
    """It has another title, or another owner."""


@dataclass(frozen=True, kw_only=True)
class ConversationRead(ConversationEvent):
    """A member has read up to a message."""

    audited = False

    user: ObjectId
    message: ObjectId


@dataclass(frozen=True, kw_only=True)
class ParticipantJoined(ConversationEvent):
    user: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"c:{self.conversation}", f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class ParticipantLeft(ConversationEvent):
    user: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"c:{self.conversation}", f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class ParticipantNoted(ConversationEvent):
    """A member was away when messages up to `message` came: an e-mail is due to them."""

    audited = False

    user: ObjectId
    message: ObjectId

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class AbsenceHeld(ConversationEvent):
    """A member who was away wants to be told of it at another time."""

    audited = False

    user: ObjectId
    message: ObjectId
    due: datetime

    def feeds(self) -> Iterable[str]:
        return [f"u:{self.user}"]


@dataclass(frozen=True, kw_only=True)
class MessageSent(ConversationEvent):
    audited = False
    message: ObjectId
    sender: ObjectId
    mentions: list[ObjectId] = field(default_factory=list)
    answers: ObjectId | None = None
    """The sender of the message that this one replies to."""


@dataclass(frozen=True, kw_only=True)
class MessageEdited(ConversationEvent):
    message: ObjectId


@dataclass(frozen=True, kw_only=True)
class MessageDeleted(ConversationEvent):
    message: ObjectId


@dataclass(frozen=True, kw_only=True)
class ReactionsChanged(ConversationEvent):
    audited = False
    message: ObjectId
    user: ObjectId

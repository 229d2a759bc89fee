"""What a subscriber to a conversation hears."""

from datetime import datetime
from typing import ClassVar

import strawberry

from app import models
from app.core.changes import Event
from app.models.messaging import events
from app.schema.identity.users import User
from app.schema.kit.feeds import FeedEvent, told
from app.schema.kit.fields import edge
from app.schema.messaging.conversations import Conversation
from app.schema.messaging.messages import Message
from app.services.messaging import typing


@strawberry.interface(description="Something that happened in a conversation.")
class ConversationEvent(FeedEvent):
    event: ClassVar[type[Event]]


@strawberry.type(description="Somebody said something.")
class MessageSent(ConversationEvent):
    event = events.MessageSent
    message: Message | None = told(models.Message, by="message")


@strawberry.type(description="A message has another text.")
class MessageEdited(ConversationEvent):
    event = events.MessageEdited
    message: Message | None = told(models.Message, by="message")


@strawberry.type(description="A message was taken back.")
class MessageDeleted(ConversationEvent):
    event = events.MessageDeleted
    message: Message | None = told(models.Message, by="message")


@strawberry.type(description="Somebody reacted to a message, or took a reaction back.")
class ReactionsChanged(ConversationEvent):
    event = events.ReactionsChanged
    message: Message | None = told(models.Message, by="message")
    user: User | None = told(models.User, by="user")


@strawberry.type(description="A member has read up to a message.")
class ConversationRead(ConversationEvent):
    event = events.ConversationRead
    message: Message | None = told(models.Message, by="message")
    user: User | None = told(models.User, by="user")


@strawberry.type(description="The conversation has another title, or another owner.")
class ConversationChanged(ConversationEvent):
    event = events.ConversationChanged
    conversation: Conversation | None = told(models.Conversation, by="conversation")


@strawberry.type(description="Somebody joined the conversation.")
class ParticipantJoined(ConversationEvent):
    event = events.ParticipantJoined
    user: User | None = told(models.User, by="user")


@strawberry.type(description="Somebody left the conversation. When it is the subscriber, nothing follows.")
class ParticipantLeft(ConversationEvent):
    event = events.ParticipantLeft
    user: User | None = told(models.User, by="user")


@strawberry.type(description="Somebody is typing, or has stopped. Not kept: it has no cursor.")
class TypingChanged(ConversationEvent):
    user: User | None = edge(models.User, by="user_id")
    typing: bool
    expires_at: datetime = strawberry.field(description="When it ends unless it is told again.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, typing.Typing)


EVENTS = [
    MessageSent,
    MessageEdited,
    MessageDeleted,
    ReactionsChanged,
    ConversationRead,
    ConversationChanged,
    ParticipantJoined,
    ParticipantLeft,
    TypingChanged,
]

"""One call of every root field about what people say to each other."""

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.app.accounts import given

if TYPE_CHECKING:
    from tests.app.scenes import Scene

Arguments = dict[str, Any]
REACTION = "👍"

CALLS: Mapping[str, Callable[["Scene"], Arguments]] = {
    "conversations": lambda s: {"first": 3, "filter": {"createdById": {"in": [s.second_owner, s.owner.id]}}},
    "conversation": lambda s: {"id": s.group},
    "message": lambda s: {"id": s.message},
    "searchMessages": lambda s: {"first": 3, "input": {"text": s.text, "conversationId": s.group}},
    "conversationEvents": lambda s: {"conversationId": s.group},
    "presence": lambda s: {"userIds": [s.second_owner]},
    "startConversation": given(memberIds=lambda s: [s.second_owner, s.guest], title=lambda _: "New"),
    "updateConversation": given(conversationId=lambda s: s.group, title=lambda _: "New"),
    "addConversationMembers": given(conversationId=lambda s: s.group, memberIds=lambda s: [s.guest]),
    "removeConversationMember": given(conversationId=lambda s: s.group, userId=lambda s: s.second_owner),
    "setConversationPreferences": given(
        conversationId=lambda s: s.group, muted=lambda _: True, archived=lambda _: True
    ),
    "markRead": given(conversationId=lambda s: s.group, messageId=lambda s: s.message),
    "sendMessage": given(
        conversationId=lambda s: s.group,
        text=lambda _: "New",
        replyToId=lambda s: s.message,
        mentionIds=lambda s: [s.second_owner],
        clientMessageId=lambda _: secrets.token_hex(8),
        attachments=lambda _: [{"url": "https://example.com", "name": "a", "mediaType": "text/plain", "size": 0}],
        fileIds=lambda s: [s.file],
    ),
    "editMessage": given(messageId=lambda s: s.message, text=lambda _: "New"),
    "deleteMessage": given(messageId=lambda s: s.message),
    "addReaction": given(messageId=lambda s: s.message, emoji=lambda _: "🎉"),
    "removeReaction": given(messageId=lambda s: s.message, emoji=lambda _: REACTION),
    "setPresence": given(status=lambda _: "AWAY"),
    "setTyping": given(conversationId=lambda s: s.group, typing=lambda _: True),
}
"""The arguments with which the caller of a scene can ask each of them; mutations succeed."""

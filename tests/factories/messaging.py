from bson import ObjectId

from app.core.actor import Actor
from app.models import Conversation, Message
from app.services.messaging import conversations, messages


async def make_conversation(actor: Actor, *others: Actor, title: str | None = None) -> Conversation:
    """The direct conversation of two people; a group for more, or with a title."""
    ids = [other.user_id for other in others if other.user_id]
    return await conversations.start(actor, conversations.NewConversation(member_ids=ids, title=title))


async def make_message(
    actor: Actor,
    conversation: Conversation,
    text: str = "Good morning.",
    *,
    reply_to: Message | None = None,
    mentions: list[ObjectId] | None = None,
) -> Message:
    """Something the actor said in the conversation."""
    draft = messages.MessageDraft(
        conversation_id=conversation.id,
        text=text,
        reply_to_id=reply_to.id if reply_to else None,
        mention_ids=mentions or [],
    )
    return await messages.send(actor, draft)

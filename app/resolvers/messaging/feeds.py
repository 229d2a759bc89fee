import strawberry

from app import models
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.feeds import Following
from app.schema.kit.fields import subscription
from app.schema.kit.nodes import key
from app.schema.messaging.conversations import Conversation
from app.schema.messaging.events import EVENTS, ConversationEvent
from app.services.messaging import feeds


@strawberry.type
class Subscription:
    @subscription(ConversationEvent, needs(models.Permission.CONVERSATIONS_READ))
    def conversation_events(self, info: Info, conversation_id: strawberry.ID, after: str | None = None) -> Following:
        """What happens in a conversation, after the cursor of an earlier event or from now on.

        Nothing is missed and nothing comes twice. RESYNC_REQUIRED means that the cursor is too old: read the
        conversation again and subscribe without one.
        """
        return Following(info.context, feeds.of(key(conversation_id, Conversation)), after, EVENTS)

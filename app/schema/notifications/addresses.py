from datetime import datetime

import strawberry

from app import models
from app.schema.kit.nodes import Node
from app.schema.notifications.channels import Channel
from app.services.notifications import addresses

strawberry.enum(addresses.ChatTool, description="Where people chat.")


@strawberry.type(description="Where one is told of things besides one's e-mail and phone.")
class NotificationAddress(Node):
    model = models.NotificationAddress

    channel: Channel
    label: str
    created_at: datetime

from datetime import datetime

import strawberry

from app import models
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.schema.kit.nodes import Node

strawberry.enum(models.TieKind, description="What one person is to another.")


@strawberry.type(description="Somebody is followed by another person, or has blocked them.")
class Tie(Node):
    model = models.Tie

    kind: models.TieKind
    user: User | None = edge(models.User, by="user_id", description="Who is followed, or has blocked the other.")
    other: User | None = edge(models.User, by="other_id", description="Who follows, or is blocked.")
    created_at: datetime

from datetime import datetime

import strawberry

from app import models
from app.models import Permission
from app.schema.kit.context import Info
from app.schema.kit.fields import computed
from app.schema.kit.nodes import Node


@strawberry.type(description="A person.")
class User(Node):
    model = models.User

    name: str
    created_at: datetime
    version: int = strawberry.field(description="Rises with every edit; give it as `expectedVersion`.")

    @computed("email", description="For the person, and for those who manage members; null for others.")
    def email(row: strawberry.Parent[models.User], info: Info) -> str | None:
        return row.email if _oneself(row, info) or info.context.actor.can(Permission.MEMBERS_MANAGE) else None

    @computed("shows_presence", description="Whether others see when the person is online; null for others.")
    def shows_presence(row: strawberry.Parent[models.User], info: Info) -> bool | None:
        return row.shows_presence if _oneself(row, info) else None

    @computed("staff", description="Whether the person works for the platform itself; null for others.")
    def staff(row: strawberry.Parent[models.User], info: Info) -> bool | None:
        return row.staff if _oneself(row, info) else None


def _oneself(row: models.User, info: Info) -> bool:
    return row.id == info.context.actor.user_id or row.id in info.context.proven

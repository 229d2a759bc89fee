from datetime import datetime

import strawberry

from app import models
from app.models import Permission, Role
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.schema.kit.nodes import Node

strawberry.enum(
    Role,
    description="What a member is: one of the built-in roles, each of which may what the next may, or a custom one.",
)
strawberry.enum(Permission, description="One thing that members can be allowed to do.")


@strawberry.type(description="A set of permissions that the organization has put together and named.")
class CustomRole(Node):
    model = models.CustomRole

    name: str
    description: str
    permissions: list[str] = strawberry.field(description="As in `Permission`, such as members.invite.")
    created_by: User | None = edge(models.User, by="created_by_id")
    created_at: datetime
    version: int = strawberry.field(description="Rises with every edit; give it as `expectedVersion`.")


__all__ = ["CustomRole", "Role"]

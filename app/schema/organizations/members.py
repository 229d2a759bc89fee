from datetime import datetime
from typing import Any

import strawberry

from app import models
from app.models import GRANTS
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.schema.organizations.roles import Role
from app.services.organizations.members import MEMBERSHIP

strawberry.enum(models.MembershipState, description="Whether a place in an organization can be used.")


@strawberry.type(description="A person's place in the organization.")
class Member(Node):
    model = models.Membership

    user: User | None = edge(models.User, by="user_id")
    role: Role
    state: models.MembershipState
    created_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(MEMBERSHIP)

    @computed("role", description="What the role allows.")
    def permissions(row: strawberry.Parent[Any]) -> list[str]:
        return sorted(GRANTS[row.role])

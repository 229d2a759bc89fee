from datetime import datetime
from typing import Any

import strawberry

from app import models
from app.core.machines import Availability
from app.models import GRANTS
from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.fields import computed, edge
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import TRANSITIONS, AvailableTransition
from app.schema.organizations.roles import Role
from app.services.organizations import members

strawberry.enum(models.MembershipState, description="Whether a place in an organization can be used.")


@strawberry.type(description="A person's place in the organization.")
class Member(Node):
    model = models.Membership

    user: User | None = edge(models.User, by="user_id")
    role: Role
    state: models.MembershipState
    created_at: datetime

    @computed("user_id", "role", "state", "organization_id", description=TRANSITIONS, returns=list[AvailableTransition])
    async def available_transitions(row: strawberry.Parent[Any], info: Info) -> list[Availability]:
        sole_owner = await info.context.load(members.sole_owners, row.organization_id)
        return members.available(info.context.actor, row, sole_owner)

    @computed("role", description="What the role allows.")
    def permissions(row: strawberry.Parent[Any]) -> list[str]:
        return sorted(GRANTS[row.role])

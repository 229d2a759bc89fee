from datetime import datetime
from typing import Any

import strawberry

from app import models
from app.core.answers import Hint, Scope, here
from app.core.machines import Availability
from app.models import permissions_of
from app.models.organizations.events import MembershipChanged, RoleChanged, RoleRemoved
from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.fields import computed, edge
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import TRANSITIONS, AvailableTransition
from app.schema.organizations.roles import CustomRole, Role
from app.services.organizations import members

strawberry.enum(models.MembershipState, description="Whether a place in an organization can be used.")


@strawberry.type(description="A person's place in the organization.")
class Member(Node):
    model = models.Membership

    user: User | None = edge(models.User, by="user_id")
    role: Role
    custom_role: CustomRole | None = edge(models.CustomRole, by="custom_role_id", description="When `role` is CUSTOM.")
    state: models.MembershipState
    created_at: datetime

    @computed(
        "user_id",
        "role",
        "granted",
        "state",
        "organization_id",
        description=TRANSITIONS,
        returns=list[AvailableTransition],
        cache=Hint(scope=Scope.PRIVATE, tags=here(MembershipChanged, RoleChanged, RoleRemoved)),
    )
    async def available_transitions(row: strawberry.Parent[Any], info: Info) -> list[Availability]:
        sole_owner = await info.context.load(members.sole_owners, row.organization_id)
        return members.available(info.context.actor, row, sole_owner)

    @computed("role", "granted", description="What the role allows.")
    def permissions(row: strawberry.Parent[Any]) -> list[str]:
        return sorted(permissions_of(row))

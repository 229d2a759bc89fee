from datetime import datetime

import strawberry

from app import models
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.schema.organizations.roles import CustomRole, Role
from app.services.organizations.invitations import INVITATION

strawberry.enum(models.InvitationState, description="What became of an invitation.")


@strawberry.type(description="A place offered to an e-mail address.")
class Invitation(Node):
    model = models.Invitation

    email: str
    role: Role
    custom_role: CustomRole | None = edge(models.CustomRole, by="custom_role_id", description="When `role` is CUSTOM.")
    state: models.InvitationState
    invited_by: User | None = edge(models.User, by="invited_by_id")
    created_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(INVITATION)

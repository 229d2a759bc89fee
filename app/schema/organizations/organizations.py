from datetime import datetime

import strawberry

from app import models
from app.schema.kit.nodes import Node

strawberry.enum(models.Role, description="A built-in role; each may do what the ones after it may.")
strawberry.enum(models.MembershipState, description="Whether a place in an organization can be used.")
strawberry.enum(models.InvitationState, description="What became of an invitation.")


@strawberry.type(description="A tenant: what it owns does not exist for any other.")
class Organization(Node):
    model = models.Organization

    name: str
    slug: str
    created_at: datetime
    version: int = strawberry.field(description="Rises with every edit; give it as `expectedVersion`.")

from datetime import datetime

import strawberry

from app import models
from app.schema.kit.nodes import Node


@strawberry.type(description="That the organization is to be deleted with everything in it.")
class OrganizationDeletion:
    requested_at: datetime
    due_at: datetime = strawberry.field(description="Until then nothing changes, and an owner can stop it.")
    reason: str


@strawberry.type(description="A tenant: what it owns does not exist for any other.")
class Organization(Node):
    model = models.Organization

    name: str
    slug: str
    created_at: datetime
    deletion: OrganizationDeletion | None
    version: int = strawberry.field(description="Rises with every edit; give it as `expectedVersion`.")

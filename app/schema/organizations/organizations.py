from datetime import datetime

import strawberry

from app import models
from app.schema.kit.nodes import Node


@strawberry.type(description="A tenant: what it owns does not exist for any other.")
class Organization(Node):
    model = models.Organization

    name: str
    slug: str
    created_at: datetime
    version: int = strawberry.field(description="Rises with every edit; give it as `expectedVersion`.")

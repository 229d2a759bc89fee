from datetime import datetime

import strawberry

from app import models
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.services.messaging import connections, presence, sightings

strawberry.enum(connections.Status, name="PresenceStatus", description="Whether a person is here.")
strawberry.enum(presence.ChosenStatus, description="How one can want to be seen.")


@strawberry.type(description="Whether a person is here, as the caller may see it. Who does not show it is offline.")
class Presence:
    user: User | None = edge(models.User, by="user_id")
    status: connections.Status
    last_seen_at: datetime | None = strawberry.field(
        description="When a person who is offline was last here; null when it is not known or not shown."
    )

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, sightings.Presence)

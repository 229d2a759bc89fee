from datetime import datetime

import strawberry

from app import models
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.organizations.ownership import OWNERSHIP

strawberry.enum(models.OfferState, description="What became of an offer of ownership.")


@strawberry.type(description="An owner wants a member to own the organization in their place. It holds for seven days.")
class OwnershipOffer(Node):
    model = models.OwnershipOffer

    state: models.OfferState
    offered_by: User | None = edge(models.User, by="from_id")
    offered_to: User | None = edge(models.User, by="to_id")
    created_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(OWNERSHIP)

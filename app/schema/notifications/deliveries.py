from datetime import datetime

import strawberry

from app import models
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.schema.notifications.channels import Channel
from app.services.notifications.deliveries import DELIVERY

strawberry.enum(models.DeliveryState, description="How far something that goes out has come.")
strawberry.enum(models.DeliveryPriority, description="Who overtakes whom.")
strawberry.enum(models.SuppressionReason, description="Why an address is not written to.")


@strawberry.type(description="Something that went out to somebody in the organization's name, or is to.")
class Delivery(Node):
    model = models.Delivery

    channel: Channel
    kind: str = strawberry.field(description="What it is about.")
    user: User | None = edge(models.User, by="user_id", description="To whom, if it is somebody in the organization.")
    address: str
    priority: models.DeliveryPriority
    state: models.DeliveryState
    due_at: datetime = strawberry.field(description="Before which it is not sent.")
    attempts: int
    doubts: int = strawberry.field(
        description="After how many attempts nobody could tell whether it was taken: it may have come so often more."
    )
    provider: str | None
    reason: str = strawberry.field(description="Why it did not arrive, or not yet.")
    opened_at: datetime | None = strawberry.field(description="Noticed only of who has agreed to it.")
    clicked_at: datetime | None
    created_at: datetime
    changed_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(DELIVERY)


@strawberry.type(description="That an address is not written to, but for what its owner waits for.")
class Suppression(Node):
    model = models.Suppression

    reason: models.SuppressionReason
    created_at: datetime

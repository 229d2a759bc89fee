from datetime import datetime

import strawberry

from app import models
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.billing.metering.meters import METER

strawberry.enum(models.Aggregation, description="How the events of a window become one number.")
strawberry.enum(models.MeterState, description="Whether a meter takes events.")


@strawberry.type(description="What a seller measures of the use of what they sell.")
class Meter(Node):
    model = models.Meter

    key: str = strawberry.field(description="How events name it.")
    name: str
    unit: str
    aggregation: models.Aggregation
    property: str | None = strawberry.field(description="Of whose values UNIQUE counts those that differ.")
    state: models.MeterState
    created_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(METER)

from datetime import datetime

import orjson
import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from app import models
from app.schema.kit.fields import computed, edge
from app.schema.kit.filters import DateTimeFilter, combined, comparison
from app.schema.kit.nodes import Node
from app.schema.webhooks.endpoints import WebhookEndpoint, WebhookTypeFilter
from app.services.webhooks import previews
from app.services.webhooks.sending import message_id

strawberry.enum(
    models.WebhookDeliveryState,
    description="How far a delivery has come. FAILED: it was given up, and can be asked for again.",
)

WebhookDeliveryStateFilter = comparison("WebhookDeliveryStateFilter", models.WebhookDeliveryState)


@strawberry.input(description="Which deliveries; all that is given must hold.")
class WebhookDeliveryFilter:
    type: WebhookTypeFilter | None = UNSET
    state: WebhookDeliveryStateFilter | None = UNSET  # type: ignore[valid-type]
    at: DateTimeFilter | None = UNSET
    and_: list["WebhookDeliveryFilter"] | None = combined("and")
    or_: list["WebhookDeliveryFilter"] | None = combined("or")
    not_: "WebhookDeliveryFilter | None" = combined("not")


@strawberry.type(description="One request. It has a status, or an error where no answer came.")
class WebhookAttempt:
    at: datetime
    milliseconds: int = strawberry.field(description="Until the answer, or the error.")
    status: int | None
    answer: str = strawberry.field(description="How the body of the answer begins.")
    error: str


@strawberry.type(description="That an endpoint is told of one event. Kept for 30 days.")
class WebhookDelivery(Node):
    model = models.WebhookDelivery

    endpoint: WebhookEndpoint | None = edge(models.WebhookEndpoint, by="endpoint_id")
    type: models.WebhookType
    at: datetime = strawberry.field(description="When the event happened.")
    state: models.WebhookDeliveryState
    tries: int = strawberry.field(description="Attempts that count; those at an endpoint that rests do not.")
    due: datetime | None = strawberry.field(description="When it is tried next, while it is pending.")
    attempts: list[WebhookAttempt] = strawberry.field(description="The last 20, the newest last.")
    ended_at: datetime | None

    @computed("event_id", description="The `webhook-id` with which it is sent, the same in every attempt.")
    def message_id(row: strawberry.Parent[models.WebhookDelivery]) -> str:
        return message_id(row.event_id)


@strawberry.type(description="What an endpoint would be sent of an event.")
class WebhookPreview:
    message_id: str
    type: models.WebhookType
    at: datetime

    @computed("payload", description="The body.")
    def payload(row: strawberry.Parent[previews.WebhookPreview]) -> JSON:
        return JSON(orjson.loads(orjson.dumps(row.payload, option=orjson.OPT_UTC_Z)))

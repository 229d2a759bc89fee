from datetime import datetime

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from app import models
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.filters import IdFilter as IdFilter
from app.schema.kit.filters import StringFilter, combined, comparison, refers
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.webhooks import endpoints
from app.services.webhooks.documents import DEFAULT

strawberry.enum(models.WebhookType, description="What an organization can let others hear of.")
strawberry.enum(
    models.WebhookState,
    description="Whether an endpoint is sent to: paused ones are not by somebody's wish, disabled ones by Atrium's.",
)
strawberry.enum(
    models.WebhookFault,
    description=(
        "Why an endpoint is disabled. GONE: it has answered 410. FAILING: nothing has arrived for five days. DOCUMENT: "
        "its document does not fit the schema any more."
    ),
)

WebhookTypeFilter = comparison("WebhookTypeFilter", models.WebhookType)


@strawberry.input(description="Of which events an endpoint is told; all that is given must hold.")
class WebhookFilter:
    type: WebhookTypeFilter | None = UNSET  # type: ignore[valid-type]
    user_id: IdFilter | None = refers(User)
    state: StringFilter | None = UNSET
    role: StringFilter | None = UNSET
    tier: StringFilter | None = UNSET
    and_: list["WebhookFilter"] | None = combined("and")
    or_: list["WebhookFilter"] | None = combined("or")
    not_: "WebhookFilter | None" = combined("not")


@strawberry.type(description="A server that is told what happens in the organization, as Standard Webhooks 1.0 has it.")
class WebhookEndpoint(Node):
    model = models.WebhookEndpoint

    url: str
    description: str
    types: list[models.WebhookType] = strawberry.field(description="Of what it is told.")
    permissions: list[str] = strawberry.field(description="With which its document is executed, as in `Permission`.")
    ordered: bool = strawberry.field(
        description="Whether what concerns one thing waits until what came before about it has arrived."
    )
    state: models.WebhookState
    fault: models.WebhookFault | None = strawberry.field(description="Why it is disabled, if it is.")
    failures: int = strawberry.field(description="In a row, up to now.")
    failing_since: datetime | None = strawberry.field(description="Null where the last attempt succeeded.")
    rests_until: datetime | None = strawberry.field(
        description="Until when nothing is sent, because it has failed too often or has asked for it."
    )
    overlap_until: datetime | None = strawberry.field(description="Until when the secret before signs as well.")
    made_by: User | None = edge(models.User, by="made_by_id")
    created_at: datetime
    changed_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(endpoints.ENDPOINT)

    @computed("document", description="The GraphQL query that makes what is sent as `data`.")
    def document(row: strawberry.Parent[models.WebhookEndpoint]) -> str:
        return row.document or DEFAULT

    @computed("filter", description="Of which events it is told besides their types; null: of all.")
    def filter(row: strawberry.Parent[models.WebhookEndpoint]) -> JSON | None:
        return None if row.filter is None else endpoints.filter_as_json(row.filter)


@strawberry.type(description="An endpoint with its newest secret, which is shown this once.")
class MadeWebhookEndpoint:
    endpoint: WebhookEndpoint
    secret: str = strawberry.field(description="What follows `whsec_` is the key in Base64; HMAC-SHA256 signs with it.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, endpoints.MadeWebhookEndpoint)

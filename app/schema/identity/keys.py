from datetime import datetime

import strawberry

from app import models
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.schema.kit.nodes import Node
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.identity import keys

strawberry.enum(
    models.KeyUse,
    description=(
        "How an API key is used. BEARER: its secret is sent along, as `Authorization: Bearer atr_live_...`. "
        "CLIENT_CREDENTIALS: it is a service account, whose id and secret get short tokens at /oauth/token. "
        "SIGNATURE: its secret is never sent and signs each request, which can then not be altered or repeated."
    ),
)
strawberry.enum(
    models.KeyState, description="Whether an API key can be used; suspended are those of closed organizations."
)


@strawberry.type(description="What lets a program act in the organization, in nobody's name.")
class ApiKey(Node):
    model = models.ApiKey

    name: str
    use: models.KeyUse
    scopes: list[str] = strawberry.field(description="The permissions that it has, and no other.")
    state: models.KeyState
    hint: str = strawberry.field(description="How its newest secret begins.")
    made_by: User | None = edge(models.User, by="made_by_id")
    created_at: datetime
    used_at: datetime | None = strawberry.field(description="When it was used last, to the minute.")
    expires_at: datetime | None = strawberry.field(description="When it ends; null: when it is revoked.")
    overlap_until: datetime | None = strawberry.field(
        description="When the secret that it had before the last rotation ends, or ended."
    )
    available_transitions: list[AvailableTransition] = available_transitions(keys.KEY)


@strawberry.type(description="An API key with its newest secret, which is shown this once.")
class MadeApiKey:
    key: ApiKey
    secret: str = strawberry.field(
        description="Scanners find it: `atr_live_` and 49 letters and digits, the last six of which are a checksum."
    )

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, keys.MadeApiKey)

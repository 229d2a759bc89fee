from datetime import datetime

import strawberry

from app.schema.kit.fields import computed
from app.schema.kit.nodes import global_id
from app.services.identity import impersonations


@strawberry.type(description="Somebody on the platform's staff acts as a person. No refresh token belongs to it.")
class Impersonation:
    access_token: str = strawberry.field(
        description="For `Authorization: Bearer ...`; its `act` claim names who acts as the person (RFC 8693)."
    )
    expires_at: datetime = strawberry.field(description="When all of it ends, at most 30 minutes after it began.")

    @computed(description="The session, for `endImpersonation`; the person sees it among theirs.")
    def session_id(row: strawberry.Parent[impersonations.Impersonated]) -> strawberry.ID:
        return global_id("Session", row.session_id)

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, impersonations.Impersonated)

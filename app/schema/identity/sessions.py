from datetime import datetime

import strawberry

from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.fields import computed
from app.schema.kit.nodes import global_id
from app.services.identity import accounts, sessions


@strawberry.type(description="A sign-in's tokens.")
class SignedIn:
    access_token: str = strawberry.field(description="For `Authorization: Bearer ...`; it ends at `expiresAt`.")
    refresh_token: str | None = strawberry.field(
        description="Gets the next tokens, once. Null where the session goes on with the one its client has."
    )
    expires_at: datetime

    @computed(description="The person who has signed in.")
    def user(row: strawberry.Parent[sessions.SignedIn], info: Info) -> User:
        info.context.proven.add(row.user.id)
        return row.user  # type: ignore[return-value]

    @computed(description="The organization that the access token is for; null for those who belong to none.")
    def organization_id(row: strawberry.Parent[sessions.SignedIn]) -> strawberry.ID | None:
        return global_id("Organization", row.organization_id) if row.organization_id else None

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, sessions.SignedIn)


@strawberry.type(
    description="A registration was taken in. The answer does not tell whether the address had an account."
)
class Registered:
    email: str

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, accounts.Registered)


@strawberry.type(description="The session is over.")
class SignedOut:
    ended: bool = strawberry.field(description="False when it had ended before.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, sessions.SignedOut)

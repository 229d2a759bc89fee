from datetime import datetime

import strawberry

from app.schema.identity.users import User
from app.schema.organizations.organizations import Organization
from app.services.identity import accounts, sessions


@strawberry.type(description="A sign-in's tokens.")
class SignedIn:
    access_token: str = strawberry.field(description="For `Authorization: Bearer ...`; it ends at `expiresAt`.")
    refresh_token: str = strawberry.field(description="Gets the next tokens, once.")
    expires_at: datetime
    user: User
    organization: Organization | None = strawberry.field(description="The organization that the access token is for.")

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

from datetime import datetime

import strawberry

from app import models
from app.core.answers import Hint, Scope
from app.core.keyring import revealed
from app.schema.identity.users import User
from app.schema.kit.context import Info
from app.schema.kit.fields import computed, derived
from app.schema.kit.nodes import Node, global_id
from app.services.identity import accounts, devices, impersonations, sessions


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


@strawberry.type(description="A sign-in on one device. Only its person sees it.")
class Session(Node):
    model = models.Session

    created_at: datetime = strawberry.field(description="When it was opened.")
    used_at: datetime = strawberry.field(description="When its client last asked for tokens.")
    expires_at: datetime = strawberry.field(description="When it ends unless it is used before.")

    @computed("agent", description="What it was used with last, such as `Firefox on Windows`, as that says of itself.")
    async def device(row: strawberry.Parent[models.Session]) -> str:
        return devices.name(await revealed(row.agent))

    @computed("address", description="The address from which it was used last.")
    async def address(row: strawberry.Parent[models.Session]) -> str:
        return await revealed(row.address)

    @computed("address", description="Where the address is, such as `Lyon, France`; null where nobody knows.")
    async def place(row: strawberry.Parent[models.Session]) -> str | None:
        return devices.place(await revealed(row.address))

    @derived(
        impersonations.names,
        by="behind_id",
        description="What who acts as one in it is called, of the platform's staff; null in one's own.",
    )
    def impersonator(name: str | None) -> str | None:
        return name

    reason: str | None = strawberry.field(description="Why they act as one; null in one's own.")

    @computed(description="Whether it is the one in which this is asked.", cache=Hint(scope=Scope.PRIVATE))
    def current(row: strawberry.Parent[models.Session], info: Info) -> bool:
        return row.id == info.context.actor.session_id


@strawberry.type(description="Sessions were ended.")
class SessionsRevoked:
    count: int = strawberry.field(description="How many there were.")

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, sessions.SessionsRevoked)

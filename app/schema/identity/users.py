from datetime import datetime

import strawberry

from app import models
from app.core.answers import Hint, Scope, anywhere, mine
from app.models import Permission
from app.models.identity.events import ProfileChanged, StaffChanged
from app.schema.identity.legal_texts import LegalText
from app.schema.kit.context import Info
from app.schema.kit.fields import batched, computed
from app.schema.kit.nodes import Node, by_class
from app.services.identity import consents
from app.services.organizations import ties

ONESELF = Hint(scope=Scope.PRIVATE)
"""Differs from one who asks to the next."""


strawberry.enum(models.StaffRole, description="What somebody does for the platform itself.")


@strawberry.type(description="How a person wants to be spoken to.")
class Preferences:
    locale: str = strawberry.field(description="BCP 47, such as pt-BR.")
    time_zone: str = strawberry.field(description="Of the IANA database, such as Europe/Paris.")
    currency: str = strawberry.field(description="What prices are shown in, ISO 4217.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.User)


@strawberry.type(description="That a person is to be erased.")
class Erasure:
    requested_at: datetime
    due_at: datetime = strawberry.field(description="Until then nothing changes, and `cancelErasure` stops it.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.Erasure)


@strawberry.type(description="How a person stands among the others of the organization.")
class Standing:
    follower_count: int
    following_count: int
    followed_by_me: bool = strawberry.field(description="Whether the caller follows the person.")
    blocked_by_me: bool = strawberry.field(description="Whether the caller has blocked the person.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, ties.Standing)


@strawberry.type(description="A person.")
class User(Node):
    model = models.User
    cache = Hint(tags=anywhere(ProfileChanged))  # one is known in several organizations

    name: str
    handle: str | None = strawberry.field(description="By which others name the person; unique, in lower case.")
    bio: str
    created_at: datetime
    version: int = strawberry.field(description="Rises with every edit; give it as `expectedVersion`.")

    standing: Standing = batched(ties.standing, description="How the person stands among the others.")
    consents_due: list[LegalText] | None = batched(
        consents.due, description="The legal texts that hold and that the person has yet to accept; null for others."
    )

    @computed("erasure", description="That the person is to be erased; null for others.", cache=ONESELF)
    def erasure(row: strawberry.Parent[models.User], info: Info) -> Erasure | None:
        return row.erasure if _oneself(row, info) else None  # type: ignore[return-value]

    @computed(
        "email",
        description="For the person, and for those who manage members; null for others.",
        cache=ONESELF,
        discloses="user.email",
    )
    def email(row: strawberry.Parent[models.User], info: Info) -> str | None:
        return row.email if _oneself(row, info) or info.context.actor.can(Permission.MEMBERS_MANAGE) else None

    @computed("locale", "time_zone", "currency", description="The person's choices; null for others.", cache=ONESELF)
    def preferences(row: strawberry.Parent[models.User], info: Info) -> Preferences | None:
        return row if _oneself(row, info) else None  # type: ignore[return-value]

    @computed(
        "email_verified_at",
        description="Whether the person has proved that the address is theirs; null where `email` is.",
        cache=ONESELF,
    )
    def email_verified(row: strawberry.Parent[models.User], info: Info) -> bool | None:
        shown = _oneself(row, info) or info.context.actor.can(Permission.MEMBERS_MANAGE)
        return row.email_verified_at is not None if shown else None

    @computed(
        "second_factor", description="Whether one needs a second factor to sign in; null for others.", cache=ONESELF
    )
    def second_factor(row: strawberry.Parent[models.User], info: Info) -> bool | None:
        return row.second_factor if _oneself(row, info) else None

    @computed(
        "shows_presence", description="Whether others see when the person is online; null for others.", cache=ONESELF
    )
    def shows_presence(row: strawberry.Parent[models.User], info: Info) -> bool | None:
        return row.shows_presence if _oneself(row, info) else None

    @computed(
        "staff",
        description="Whether the person works for the platform itself; null for others.",
        cache=Hint(scope=Scope.PRIVATE, tags=mine(StaffChanged)),
    )
    def staff(row: strawberry.Parent[models.User], info: Info) -> bool | None:
        return row.staff if _oneself(row, info) else None

    @computed(
        "staff",
        "staff_role",
        description="What the person does for the platform; null for others and for who is not on the staff.",
        cache=Hint(scope=Scope.PRIVATE, tags=mine(StaffChanged)),
    )
    def staff_role(row: strawberry.Parent[models.User], info: Info) -> models.StaffRole | None:
        return row.staff_role if row.staff and _oneself(row, info) else None


def _oneself(row: models.User, info: Info) -> bool:
    return row.id == info.context.actor.user_id or row.id in info.context.proven

"""Who may do what to a thing, and by which rule."""

from dataclasses import dataclass
from enum import Enum

import strawberry

from app.core import errors
from app.core.words import said
from app.models import GRANTS
from app.schema.kit.actions import Verdict
from app.schema.kit.audiences import StepUpRequired, SuspendedOrganization
from app.schema.organizations.roles import Role
from app.services.organizations.principals import Principal


@strawberry.enum(description="What decides whether an action is allowed.")
class AccessRule(Enum):
    AUDIENCE = strawberry.enum_value("audience", description="For whom the field is at all.")
    PERMISSION = strawberry.enum_value("permission", description="A permission in the organization.")
    DUTY = strawberry.enum_value("duty", description="A permission of the platform's staff.")
    STANDING = strawberry.enum_value("standing", description="They can do nothing at present.")
    SUSPENSION = strawberry.enum_value("suspension", description="The platform has suspended the organization.")
    PROOF = strawberry.enum_value("proof", description="A fresh proof of who one is is wanted.")
    UNSEEN = strawberry.enum_value("unseen", description="They cannot see the thing.")
    OBJECT = strawberry.enum_value("object", description="A rule about this thing, such as whose it is.")
    STATE = strawberry.enum_value("state", description="The state in which the thing is.")
    LIMIT = strawberry.enum_value("limit", description="A quota is used up.")


_DOOR = {StepUpRequired: AccessRule.PROOF, SuspendedOrganization: AccessRule.SUSPENSION}
_THING = {
    errors.NotFound: AccessRule.UNSEEN,
    errors.Forbidden: AccessRule.OBJECT,
    errors.LimitReached: AccessRule.LIMIT,
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A verdict on somebody, and by which rule."""

    verdict: Verdict
    who: Principal

    @property
    def error(self) -> errors.AppError | None:
        return self.who.barred or self.verdict.error

    @property
    def name(self) -> str:
        return self.verdict.action.name

    @property
    def allowed(self) -> bool:
        return self.error is None

    @property
    def rule(self) -> AccessRule:
        audience, error = self.verdict.action.audience, self.verdict.error
        if self.who.barred:
            return AccessRule.STANDING
        if error and not self.verdict.at_door:
            return next((rule for kind, rule in _THING.items() if isinstance(error, kind)), AccessRule.STATE)
        own = (
            AccessRule.DUTY if audience.duty else AccessRule.PERMISSION if audience.permission else AccessRule.AUDIENCE
        )
        return next((rule for kind, rule in _DOOR.items() if isinstance(error, kind)), own)

    @property
    def permission(self) -> str | None:
        return self.verdict.action.audience.permission

    @property
    def duty(self) -> str | None:
        return self.verdict.action.audience.duty

    @property
    def granted_by(self) -> str | None:
        return self.who.role if self.permission and self.who.actor.can(self.permission) else None

    @property
    def granted_to(self) -> list[Role]:
        return [role for role, granted in GRANTS.items() if self.permission in granted]

    @property
    def code(self) -> str | None:
        return self.error.code if self.error else None

    @property
    def complete(self) -> bool:
        return self.verdict.complete


@dataclass(frozen=True, slots=True)
class Found:
    """What somebody may do to a thing."""

    who: Principal
    actions: list[Reason]

    @property
    def role(self) -> str | None:
        return self.who.role

    @property
    def permissions(self) -> list[str]:
        return sorted(self.who.actor.permissions)


def _missing(row: strawberry.Parent[Reason]) -> str | None:
    return said(row.error.message) if row.error else None


@strawberry.type(description="A mutation about the thing: whether the principal may do it now, and why.")
class AccessAction:
    name: str = strawberry.field(description="Of the field.")
    allowed: bool
    rule: AccessRule = strawberry.field(description="What decides: what admits where it is allowed, else what refuses.")
    permission: str | None = strawberry.field(description="What it takes in the organization, as in `Permission`.")
    duty: str | None = strawberry.field(description="What it takes of the platform's staff.")
    granted_by: str | None = strawberry.field(
        description="The role or API key by which the principal has the permission, if they have it."
    )
    granted_to: list[Role] = strawberry.field(description="The built-in roles that have the permission.")
    missing: str | None = strawberry.field(
        resolver=_missing, description="Why not, as the principal would be told, in the language of the request."
    )
    code: str | None = strawberry.field(description="Of the refusal, as the field would give it.")
    complete: bool = strawberry.field(
        description=(
            "Whether the rules about the thing itself were asked. They are not where the audience refuses, where they "
            "depend on what else would be sent, and where they are between two other people."
        )
    )


@strawberry.type(description="What a principal may do to a thing. Others are taken to have just proved who they are.")
class Access:
    role: str | None = strawberry.field(description="The role or API key that gives the principal what they may.")
    permissions: list[str] = strawberry.field(description="All they may in the organization, as in `Permission`.")
    actions: list[AccessAction] = strawberry.field(description="Every mutation about the thing, by name.")

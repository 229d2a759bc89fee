"""Who may use a root field. Every root field names one, so leaving it out cannot happen."""

from collections.abc import Callable
from dataclasses import dataclass

from app.core.actor import Actor
from app.core.errors import AppError, Forbidden, Unauthenticated


class NoOrganization(Forbidden):
    """The caller belongs to no organization yet."""

    code = "NO_ORGANIZATION"


@dataclass(frozen=True, slots=True)
class Audience:
    """A rule over the actor, in words for the schema and as a refusal for the caller."""

    name: str
    description: str
    refuse: Callable[[Actor], AppError | None]

    def check(self, actor: Actor) -> None:
        """Raises the refusal, which the door shows as a top-level error."""
        error = self.refuse(actor)
        if error is not None:
            raise error


def anyone() -> Audience:
    return Audience("anyone", "Open to anyone.", lambda actor: None)


def _unless_signed_in(actor: Actor) -> AppError | None:
    return None if actor.user_id else Unauthenticated("Sign in first.")


def _unless_member(actor: Actor) -> AppError | None:
    if actor.user_id and not actor.organization_id:
        return NoOrganization("Create an organization or accept an invitation first.")
    return _unless_signed_in(actor)


def signed_in() -> Audience:
    return Audience("signed_in", "For anyone who is signed in.", _unless_signed_in)


def member() -> Audience:
    return Audience("member", "For members of the organization.", _unless_member)


def staff() -> Audience:
    def refuse(actor: Actor) -> AppError | None:
        if actor.staff or not actor.user_id:
            return _unless_signed_in(actor)
        return Forbidden("This is for the platform's staff.")

    return Audience("staff", "For the platform's staff.", refuse)


def needs(permission: str) -> Audience:
    def refuse(actor: Actor) -> AppError | None:
        if (error := _unless_member(actor)) is not None or actor.can(permission):
            return error
        return Forbidden(f"This needs the permission {permission}.", permission=str(permission))

    return Audience(str(permission), f"Needs the permission `{permission}`.", refuse)

"""Refusals as types: what a mutation answers instead of its result."""

from dataclasses import fields
from typing import Any

import strawberry

from app.core import errors
from app.core.words import said


@strawberry.interface(description="Why the request could not be met, in words and as a code to branch on.")
class UserError:
    message: str = strawberry.field(description="For a person to read.")
    code: str = strawberry.field(description="For a program to branch on; stable.")
    path: list[str] = strawberry.field(description="The input that is to blame, from the argument down.")


@strawberry.type(description="There is no such thing, as far as the caller may know.")
class NotFoundError(UserError):
    pass


@strawberry.type(description="The input breaks a rule.")
class InvalidError(UserError):
    pass


@strawberry.type(description="The state of things does not allow it now.")
class ConflictError(UserError):
    pass


@strawberry.type(description="The caller may not do it.")
class ForbiddenError(UserError):
    pass


@strawberry.type(description="A quota or a rate is used up.")
class LimitReachedError(UserError):
    used: int | None = strawberry.field(default=None, description="How much is used, where that is counted.")
    limit: int | None = strawberry.field(default=None, description="How much may be.")


@strawberry.type(description="Something this needs is down; the same request may succeed later.")
class UnavailableError(UserError):
    pass


ERROR_TYPES: dict[type[errors.AppError], type[UserError]] = {
    errors.NotFound: NotFoundError,
    errors.Invalid: InvalidError,
    errors.Conflict: ConflictError,
    errors.Forbidden: ForbiddenError,
    errors.LimitReached: LimitReachedError,
    errors.Unavailable: UnavailableError,
}


def refusal(error: errors.AppError) -> UserError:
    """The error as its type shows it; a type with more fields than all have finds them among the details."""
    kind = next(kind for kind in type(error).__mro__ if kind in ERROR_TYPES)
    shown: Any = ERROR_TYPES[kind]
    more = {f.name: error.details[f.name] for f in fields(shown) if f.name in error.details}
    made: UserError = shown(message=said(error.message), code=error.code, path=error.path, **more)
    return made

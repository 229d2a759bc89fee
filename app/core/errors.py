"""What can be refused. A caller can act on each of these; every other exception is a bug and is masked at the door."""

from collections.abc import Sequence
from typing import Any, ClassVar

from app.core.words import Words, words


class AppError(Exception):
    """Base of every refusal: a message for people, a `code` for programs, the `path` of the input that is to blame.

    The message is a literal, so that it can be translated; `details` fill the names in its braces, and are told to
    programs too.
    """

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, path: Sequence[str] = (), **details: Any) -> None:
        self.message = words(message, **details) if details and not isinstance(message, Words) else message
        super().__init__(self.message)
        self.path = list(path)
        self.details = {**message.values, **details} if isinstance(message, Words) else details

    @property
    def extensions(self) -> dict[str, Any]:
        """What a top-level GraphQL error shows besides the message."""
        return {"code": self.code, **({"path": self.path} if self.path else {}), **self.details}


class NotFound(AppError):
    """There is no such thing, or it is another tenant's: the two must look the same."""

    code = "NOT_FOUND"


class Invalid(AppError):
    """The input breaks a rule."""

    code = "INVALID"


class Conflict(AppError):
    """The state of things does not allow it now."""

    code = "CONFLICT"


class KeyReused(Conflict):
    """Something else has been asked for with this key."""

    code = "KEY_REUSED"


class VersionConflict(Conflict):
    """Somebody changed it since it was read."""

    code = "VERSION_CONFLICT"


class Forbidden(AppError):
    """The caller may not do it."""

    code = "FORBIDDEN"


class LimitReached(AppError):
    """A quota or a rate is used up."""

    code = "LIMIT_REACHED"


class Unauthenticated(AppError):
    """Nobody is signed in, or the sign-in has ended. Always a top-level error."""

    code = "UNAUTHENTICATED"


class Unavailable(AppError):
    """Something this needs is down; the same request may succeed later."""

    code = "UNAVAILABLE"

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "retryable": True}


class BadCursor(AppError):
    """A cursor that this server did not make, or made for another list. Always a top-level error."""

    code = "BAD_CURSOR"


class ResyncRequired(AppError):
    """The cursor is older than the log keeps, or of another epoch: read the state again, then follow from there."""

    code = "RESYNC_REQUIRED"

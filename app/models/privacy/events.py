"""What happens to people's data at their own wish."""

from dataclasses import dataclass

from bson import ObjectId

from app.core.changes import Event, OfUser


@dataclass(frozen=True, kw_only=True)
class PrivacyEvent(OfUser, Event):
    pass


@dataclass(frozen=True, kw_only=True)
class ExportRequested(PrivacyEvent):
    export: ObjectId


@dataclass(frozen=True, kw_only=True)
class ErasureRequested(PrivacyEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class ErasureCancelled(PrivacyEvent):
    """The person stays: they took the request back, or the erasure `failed`."""

    failed: bool


@dataclass(frozen=True, kw_only=True)
class PersonErased(PrivacyEvent):
    """Nothing is known of them any more but what the policies of columns keep."""

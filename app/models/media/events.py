"""What becomes of files."""

from dataclasses import dataclass

from bson import ObjectId

from app.core.changes import Event, OfUser


@dataclass(frozen=True, kw_only=True)
class FileStored(OfUser, Event):
    """The content of the person's file has come, and is to be looked at."""

    file: ObjectId


@dataclass(frozen=True, kw_only=True)
class FileJudged(OfUser, Event):
    """The person's file can be used, or never can, by its `state`."""

    file: ObjectId
    state: str

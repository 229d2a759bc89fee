"""Commands: the validated input of a service, the same for a resolver, a job and a webhook."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from bson import ObjectId
from pydantic import AfterValidator, BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from app.core.errors import NotFound
from app.core.words import words

YEARS = range(2, 9_001)
"""Years in which the moments lie that clients name."""


class Command(BaseModel):
    """Base of every command. `model_fields_set` tells what was sent, so that a partial update changes nothing else."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, str_strip_whitespace=True, hide_input_in_errors=True
    )


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, where one without an offset is already.

    Raises ValueError near the ends of the calendar: a moment needs a name in every zone, and time before and after it.
    """
    if moment.year not in YEARS:
        raise ValueError(words("A moment lies in the years 2 to 9000."))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(in_utc)]
"""A moment as it is stored, in UTC; one that comes without a time zone is meant so."""


class UnknownReference(ValueError):
    """An id that cannot be of the kind of thing the field names."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Marks a field `Annotated[ObjectId, Ref("Course")]`: a document id, or the global id `Course_<hex>` of the API.

    What is done to the thing may be done to another that has its id in the column of the same name: to a `place`.
    """

    kind: str
    place: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.open, serialization=core_schema.to_string_ser_schema(when_used="json")
        )

    def open(self, value: Any) -> ObjectId:
        """The document id. Raises UnknownReference."""
        if isinstance(value, ObjectId):
            return value
        if isinstance(value, str):
            kind, _, id = value.partition("_")
            if kind == self.kind and ObjectId.is_valid(id):
                return ObjectId(id)
        raise UnknownReference(words("There is no such {kind}.", kind=self.kind))


def named(value: str, kind: str) -> ObjectId | None:
    """The document id in a reference that is free text; None unless it is a global id of this kind."""
    try:
        return Ref(kind).open(value)
    except UnknownReference:
        return None


def open_id(value: str, kind: str) -> ObjectId:
    """The document id in a global id. Raises NotFound unless it is of this kind."""
    try:
        return Ref(kind).open(value)
    except UnknownReference as error:
        raise NotFound(error.args[0]) from None

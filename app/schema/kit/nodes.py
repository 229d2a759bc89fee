"""Things with an identity of their own, and their ids."""

from collections.abc import Callable
from typing import Any, ClassVar

import strawberry
from bson import ObjectId

from app.core.commands import open_id
from app.models.base import StoredRow


def by_class(rule: Callable[..., bool]) -> Callable[..., bool]:
    """Mark an `is_type_of` whose answer depends on the class of the value only: it need not be asked of each."""
    rule.by_class = True  # type: ignore[attr-defined]
    return rule


def global_id(kind: str, id: ObjectId) -> strawberry.ID:
    """The id that clients hold of a node of this type."""
    return strawberry.ID(f"{kind}_{id}")


@strawberry.interface(description="A thing with an id that is unique in the whole schema.")
class Node:
    """A GraphQL type whose values are rows or documents, passed through untouched."""

    model: ClassVar[type[StoredRow]]

    @classmethod
    def _id(cls, row: strawberry.Parent[Any]) -> strawberry.ID:
        return global_id(cls.__name__, row.id)

    id: strawberry.ID = strawberry.field(
        resolver=_id, metadata={"reads": (), "personal": False}, description="Opaque; its type is its prefix."
    )

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: Any) -> bool:
        return isinstance(value, cls.model)


def key(id: strawberry.ID, node: type[Node]) -> ObjectId:
    """The document id inside a global id. Raises NotFound unless it is a `node`'s."""
    return open_id(id, node.__name__)


def keys(ids: list[strawberry.ID], node: type[Node]) -> list[ObjectId]:
    return [key(id, node) for id in ids]

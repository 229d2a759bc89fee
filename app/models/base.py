"""The base of every stored thing: rows for readers, documents for writers, and the one way to look them up."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

from beanie import Document
from bson import ObjectId
from pydantic import ConfigDict, Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.database import collection
from app.core.errors import Forbidden, NotFound
from app.core.paging import NEWEST, Order, Page, PageArgs, page
from app.core.rows import Names, Row

Where = Mapping[str, Any]


class StoredRow(Row):
    """A row that can be looked up. Subclasses say what of their collection an actor may see at all."""

    id: ObjectId

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """The filter of what the actor may see: the only way to name this collection's documents."""
        raise NotImplementedError

    @classmethod
    async def lookup(
        cls, actor: Actor, where: Where | None = None, *, fields: Names | None = None, **equal: Any
    ) -> Self | None:
        projection, decode = cls.plan(fields)
        found = await collection(cls.collection).find_one(
            cls.within(actor, where, **equal), projection, session=changes.session()
        )
        return None if found is None else decode(found)

    @classmethod
    async def require(cls, actor: Actor, id: ObjectId, **equal: Any) -> Self:
        """The row with this id. Raises NotFound, for another tenant's too."""
        row = await cls.lookup(actor, _id=id, **equal)
        if row is None:
            raise NotFound(f"There is no such {cls.__name__}.")
        return row

    @classmethod
    async def by_ids(cls, actor: Actor, ids: Iterable[object], fields: Names | None = None) -> dict[object, Self]:
        return {row.id: row for row in await cls.select(actor, {"_id": {"$in": list(ids)}}, fields=fields)}

    @classmethod
    async def select(
        cls,
        actor: Actor,
        where: Where | None = None,
        *,
        fields: Names | None = None,
        order: Order | None = None,
        limit: int = 0,
    ) -> list[Self]:
        """Every row that matches, for sets known to be small; at most `limit`, unless that is 0."""
        projection, decode = cls.plan(fields)
        cursor = collection(cls.collection).find(
            cls.within(actor, where), projection, session=changes.session(), limit=limit
        )
        if order is not None:
            cursor = cursor.sort(list(order.sort.items()))
        return [decode(document) for document in await cursor.to_list()]

    @classmethod
    async def page(cls, actor: Actor, args: PageArgs, where: Where | None = None, order: Order = NEWEST) -> Page[Self]:
        names = None if args.fields is None else args.fields | set(order.keys) - {"_id"}
        follow = order.after(args.after)
        matching = {"$and": [where, follow]} if where and follow else where or follow
        return page(await cls.select(actor, matching, fields=names, order=order, limit=args.first + 1), args, order)

    @classmethod
    async def tally(cls, actor: Actor, where: Where | None = None, *, cap: int) -> int:
        """How many match, counted up to `cap`."""
        return await collection(cls.collection).count_documents(
            cls.within(actor, where), limit=cap, session=changes.session()
        )


class TenantRow(StoredRow):
    """A row that belongs to one organization and does not exist for any other."""

    organization_id: ObjectId

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        return {**equal, **(where or {}), "organization_id": actor.organization_id}


class DoorRow(TenantRow):
    """A tenant's row that the platform, in no organization, finds too: what is needed to let somebody in."""

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        if actor.system and actor.organization_id is None:
            return {**equal, **(where or {})}
        return super().within(actor, where, **equal)


class PlatformRow(StoredRow):
    """A row of the platform's own, across organizations: for its staff, and for itself."""

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        if not (actor.staff or actor.system):
            raise Forbidden("This is for the platform's staff.")
        return {**equal, **(where or {})}


class StoredDocument(Document):
    """What writers make: Beanie checks its shape and keeps its indexes; `core.changes` writes it."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    id: ObjectId = Field(default_factory=new_id)  # type: ignore[assignment]

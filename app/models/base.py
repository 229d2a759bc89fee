"""The base of every stored thing: rows for readers, documents for writers, and the one way to look them up."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from beanie import Document
from bson import ObjectId
from pydantic import ConfigDict, Field
from pymongo import ASCENDING, IndexModel

from app.core import changes, keyring, queries
from app.core.actor import Actor
from app.core.clock import EPOCH, new_id
from app.core.database import collection
from app.core.errors import Forbidden, NotFound
from app.core.paging import NEWEST, Order, Page, PageArgs, page
from app.core.rows import Names, Row

Where = Mapping[str, Any]


def when_due(field: str) -> IndexModel:
    """The index of the rows that have this moment; what has come of them is found with `core.clock.reached`."""
    return IndexModel([(field, ASCENDING), ("_id", ASCENDING)], partialFilterExpression={field: {"$gt": EPOCH}})


class StoredRow(Row):
    """A row that can be looked up. Subclasses say what of their collection an actor may see at all."""

    personal: ClassVar[bool] = True
    """Whether people of one organization may see different rows: `within` depends on more than the organization."""

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
        found = await queries.find_one(
            collection(cls.collection), cls.within(actor, where, **equal), projection, session=changes.session()
        )
        return None if found is None else decode(found)

    @classmethod
    async def require(cls, actor: Actor, id: ObjectId, **equal: Any) -> Self:
        """The row with this id. Raises NotFound, for another tenant's too."""
        row = await cls.lookup(actor, _id=id, **equal)
        if row is None:
            raise NotFound("There is no such {kind}.", kind=cls.__name__)
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
        found = await queries.find(
            collection(cls.collection),
            cls.within(actor, where),
            projection,
            sort=order.sort if order else None,
            limit=limit,
            session=changes.session(),
        )
        return [decode(document) for document in found]

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

    personal = False
    owner_columns = ("organization_id",)
    organization_id: ObjectId

    @classmethod
    def data_owner(cls, stored: Where) -> str:
        return keyring.organization(stored["organization_id"])

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        return {**equal, **(where or {}), "organization_id": actor.organization_id}

    @classmethod
    async def by_ids(cls, actor: Actor, ids: Iterable[object], fields: Names | None = None) -> dict[object, Self]:
        """None for who is in no organization: no tenant has to be asked for that."""
        inside = actor.organization_id is not None or actor.system
        return await super().by_ids(actor, ids, fields) if inside else {}


class DoorRow(TenantRow):
    """A tenant's row that the platform, in no organization, finds too: what is needed to let somebody in."""

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        if actor.system and actor.organization_id is None:
            return {**equal, **(where or {})}
        return super().within(actor, where, **equal)


class PersonalRow(StoredRow):
    """A row that belongs to one person, for themself and for the platform."""

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        asked = {**equal, **(where or {})}
        return asked if actor.system else {**asked, "user_id": actor.user_id}


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

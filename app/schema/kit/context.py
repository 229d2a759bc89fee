"""What a resolver knows of the request it serves."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any

import strawberry
from bson import ObjectId

from app.core.actor import Actor
from app.core.feeds import Told
from app.core.rows import Names
from app.models.base import StoredRow

Fetch = Callable[[Actor, Iterable[Any], Names | None], Awaitable[Mapping[Any, Any]]]
"""From keys to what belongs to each; the names are the columns to read of it (None: all)."""


class Loader:
    """What belongs to each of many keys, within the actor; a key is asked for once."""

    __slots__ = ("_actor", "_asked", "_coming", "_fetch", "_fields", "_found", "_ticket")

    def __init__(self, fetch: Fetch, actor: Actor, fields: Names | None) -> None:
        self._fetch, self._actor, self._fields = fetch, actor, fields
        self._found: dict[Any, Any] = {}
        self._coming: dict[Any, asyncio.Future[None]] = {}
        self._asked: set[Any] = set()
        self._ticket: asyncio.Task[Any] | None = None

    async def load(self, key: object) -> Any:
        """What belongs to one key, asked for together with the other keys of this pass of the event loop."""
        return (await self.load_together((key,)))[key]

    async def load_together(self, keys: Collection[Any]) -> Mapping[Any, Any]:
        """What belongs to each key, and maybe to others, asked for with the other keys of this pass."""
        new = [key for key in keys if key not in self._found]
        if new:
            self._asked.update(new)
            if self._ticket is None:
                self._ticket = asyncio.create_task(self._load_asked())
            await asyncio.shield(self._ticket)
        return self._found

    async def load_many(self, keys: Collection[Any]) -> Mapping[Any, Any]:
        """What belongs to each key, and maybe to others, asked for at once; None for a key without anything."""
        found, coming = self._found, self._coming
        new = [key for key in keys if key not in found and key not in coming]
        others = {coming[key] for key in keys if key in coming}
        if new:
            await self._load_new(new)
        for other in others:
            await asyncio.shield(other)
        return found

    async def _load_asked(self) -> None:
        asked, self._asked, self._ticket = self._asked, set(), None
        await self.load_many(asked)

    async def _load_new(self, keys: list[Any]) -> None:
        here: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._coming.update(dict.fromkeys(keys, here))
        try:
            found = await self._fetch(self._actor, keys, self._fields)
            self._found.update(dict.fromkeys(keys))
            self._found.update(found)
            here.set_result(None)
        except BaseException as error:
            here.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
            here.exception()  # whether or not somebody else waits for it
            raise
        finally:
            for key in keys:
                del self._coming[key]


class Context:
    """One operation's context: who asks and from where, what it reads of each model, the rows already loaded."""

    __slots__ = (
        "_loaders",
        "_shared",
        "actor",
        "address",
        "agent",
        "disclosed",
        "discloses",
        "extensions",
        "fields",
        "heard",
        "idempotency_key",
        "proven",
        "request_id",
        "told",
    )

    def __init__(
        self,
        actor: Actor,
        *,
        request_id: str = "",
        address: str = "",
        agent: str = "",
        idempotency_key: str | None = None,
        heard: int = 0,
    ) -> None:
        self.actor = actor
        self.request_id, self.address, self.agent, self.idempotency_key = request_id, address, agent, idempotency_key
        self.proven: set[ObjectId] = set()
        """People who have proved in this very operation who they are, though the request is nobody's yet."""
        self.disclosed: dict[str, set[ObjectId]] = {}
        """Whose data of each kind the operation shows, besides those of who asks: the audit trail is told of these."""
        self.discloses = False
        """Whether there were any."""
        self.heard = heard
        """The position in the change log that this process had heard when the operation began."""
        self.fields: Mapping[type, Names | None] = {}
        """Columns of each model that the operation reads (None, or no entry: all). The engine sets it."""
        self.extensions: dict[str, Any] = {}
        """What the response carries under `extensions`."""
        self.told: Told | None = None
        """The event that an event document is executed for."""
        self._loaders: dict[Fetch, Loader] = {}
        self._shared: dict[Any, Any] | None = None

    def afresh(self) -> "Context":
        """A context for the same operation that has loaded nothing and answered nothing."""
        again = Context(
            self.actor,
            request_id=self.request_id,
            address=self.address,
            agent=self.agent,
            idempotency_key=self.idempotency_key,
            heard=self.heard,
        )
        again.fields, again.told = self.fields, self.told
        return again

    def disclose(self, what: str, id: ObjectId | None = None) -> None:
        """Note that the operation shows something of a person or thing, or a list, that not everybody may see."""
        if id is None or self.actor.behind_id or (id != self.actor.user_id and id not in self.proven):
            self.disclosed.setdefault(what, set()).update(() if id is None else (id,))
            self.discloses = True

    def load(self, fetch: Fetch, key: object, model: type | None = None) -> Awaitable[Any]:
        """What `fetch` answers for the key, asked with the other keys of the moment; of `model`, only what is read."""
        return self._loader(fetch, model).load(key)

    def load_many(self, fetch: Fetch, keys: Collection[Any], model: type | None = None) -> Awaitable[Mapping[Any, Any]]:
        """What `fetch` answers for each of the keys."""
        return self._loader(fetch, model).load_many(keys)

    async def load_all(self, model: type[StoredRow], ids: Collection[Any]) -> list[Any]:
        """The rows of these ids that there are, asked for with those that other fields ask for at the moment."""
        if self._shared is None:
            rows = await self._loader(model.by_ids, model).load_together(ids)
        else:
            rows = await self.rows(model, ids)
        return [row for id in ids if (row := rows.get(id)) is not None]

    def row(self, model: type[StoredRow], id: object) -> Awaitable[Any]:
        """The row of `model` with this id, as everybody in the actor's organization sees it."""
        return self.load(model.by_ids, id, model) if self._shared is None else self._shared_row(model, id)

    async def rows(self, model: type[StoredRow], ids: Collection[Any]) -> Mapping[Any, Any]:
        """The rows of `model` with these ids, in the same way."""
        if self._shared is None:
            return await self.load_many(model.by_ids, ids, model)
        futures = {id: self._shared_row(model, id) for id in ids}
        return {id: await future for id, future in futures.items()}

    def _loader(self, fetch: Fetch, model: type | None) -> Loader:
        loader = self._loaders.get(fetch)
        if loader is None:
            fields = self.fields.get(model) if model else None
            loader = self._loaders[fetch] = Loader(fetch, self.actor, fields)
        return loader

    def _shared_row(self, model: type[StoredRow], id: object) -> asyncio.Future[Any]:
        assert self._shared is not None
        future: asyncio.Future[Any] | None = self._shared.get((model, id))
        if future is None:
            future = self._shared[model, id] = asyncio.ensure_future(model.lookup(self.actor, _id=id))
        return asyncio.shield(future)  # one hearer who leaves takes nothing from the others

    def share(self, rows: dict[Any, Any] | None) -> None:
        """Begin with the next event of a subscription: forget what was loaded, share `rows` with its other hearers."""
        self._loaders.clear()
        self._shared = rows


Info = strawberry.Info[Context, None]

"""What a resolver knows of the request it serves."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import strawberry
from bson import ObjectId

from app.core.actor import Actor
from app.core.rows import Names
from app.models.base import StoredRow

Fetch = Callable[[Actor, Iterable[Any], Names | None], Awaitable[Mapping[Any, Any]]]
"""From keys to what belongs to each; the names are the columns to read of it (None: all)."""


class Loader:
    """What belongs to each of many keys, within the actor: one future a key, one call per pass of the event loop."""

    __slots__ = ("_actor", "_cache", "_fetch", "_fields", "_waiting")

    def __init__(self, fetch: Fetch, actor: Actor, fields: Names | None) -> None:
        self._fetch, self._actor, self._fields = fetch, actor, fields
        self._cache: dict[object, asyncio.Future[Any]] = {}
        self._waiting: dict[object, asyncio.Future[Any]] = {}

    def load(self, key: object) -> asyncio.Future[Any]:
        future = self._cache.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            if not self._waiting:
                loop.call_soon(lambda: loop.create_task(self._run()))
            future = self._cache[key] = self._waiting[key] = loop.create_future()
        return future

    async def _run(self) -> None:
        waiting, self._waiting = self._waiting, {}
        try:
            found = await self._fetch(self._actor, waiting, self._fields)
        except BaseException as error:
            for future in waiting.values():
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for key, future in waiting.items():
                if not future.done():
                    future.set_result(found.get(key))


class Context:
    """One operation's context: who asks and from where, what it reads of each model, the rows already loaded."""

    __slots__ = (
        "_loaders",
        "_shared",
        "actor",
        "address",
        "agent",
        "extensions",
        "fields",
        "heard",
        "idempotency_key",
        "proven",
        "request_id",
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
        self.heard = heard
        """The position in the change log that this process had heard when the operation began."""
        self.fields: Mapping[type, Names | None] = {}
        """Columns of each model that the operation reads (None, or no entry: all). The engine sets it."""
        self.extensions: dict[str, Any] = {}
        """What the response carries under `extensions`."""
        self._loaders: dict[Fetch, Loader] = {}
        self._shared: dict[Any, Any] | None = None

    def load(self, fetch: Fetch, key: object, model: type | None = None) -> asyncio.Future[Any]:
        """What `fetch` answers for the key, asked with the other keys of the moment; of `model`, only what is read."""
        loader = self._loaders.get(fetch)
        if loader is None:
            fields = self.fields.get(model) if model else None
            loader = self._loaders[fetch] = Loader(fetch, self.actor, fields)
        return loader.load(key)

    async def load_all(self, model: type[StoredRow], ids: Iterable[object]) -> list[Any]:
        """The rows of these ids that there are, asked for together."""
        futures = [self.load(model.by_ids, id, model) for id in ids]
        return [row for future in futures if (row := await future) is not None]

    def row(self, model: type[StoredRow], id: object) -> asyncio.Future[Any]:
        """The row of `model` with this id, as everybody in the actor's organization sees it."""
        if self._shared is None:
            return self.load(model.by_ids, id, model)
        future: asyncio.Future[Any] | None = self._shared.get((model, id))
        if future is None:
            future = self._shared[model, id] = asyncio.ensure_future(model.lookup(self.actor, _id=id))
        return asyncio.shield(future)  # one hearer who leaves takes nothing from the others

    def share(self, rows: dict[Any, Any] | None) -> None:
        """Begin with the next event of a subscription: forget what was loaded, share `rows` with its other hearers."""
        self._loaders.clear()
        self._shared = rows


Info = strawberry.Info[Context, None]

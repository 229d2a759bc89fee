"""What a resolver knows of the request it serves."""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import strawberry

from app.core.actor import Actor
from app.core.rows import Names
from app.models.base import StoredRow

R = TypeVar("R", bound=StoredRow)


class Loader:
    """Rows of one model by id, within the actor: one future per id, one query per pass of the event loop."""

    __slots__ = ("_actor", "_cache", "_fields", "_model", "_waiting")

    def __init__(self, model: type[StoredRow], actor: Actor, fields: Names | None) -> None:
        self._model, self._actor, self._fields = model, actor, fields
        self._cache: dict[object, asyncio.Future[Any]] = {}
        self._waiting: dict[object, asyncio.Future[Any]] = {}

    def load(self, id: object) -> asyncio.Future[Any]:
        future = self._cache.get(id)
        if future is None:
            loop = asyncio.get_running_loop()
            if not self._waiting:
                loop.call_soon(lambda: loop.create_task(self._run()))
            future = self._cache[id] = self._waiting[id] = loop.create_future()
        return future

    async def _run(self) -> None:
        waiting, self._waiting = self._waiting, {}
        try:
            found = await self._model.by_ids(self._actor, waiting, self._fields)
        except BaseException as error:
            for future in waiting.values():
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for id, future in waiting.items():
                if not future.done():
                    future.set_result(found.get(id))


class Context:
    """One operation's context: who asks and from where, what the operation reads of each model, the rows already loaded."""

    __slots__ = ("_loaders", "actor", "address", "agent", "extensions", "fields", "idempotency_key", "request_id")

    def __init__(
        self,
        actor: Actor,
        *,
        request_id: str = "",
        address: str = "",
        agent: str = "",
        idempotency_key: str | None = None,
    ) -> None:
        self.actor = actor
        self.request_id, self.address, self.agent, self.idempotency_key = request_id, address, agent, idempotency_key
        self.fields: Mapping[type, Names | None] = {}
        """Columns of each model that the operation reads (None, or no entry: all). The engine sets it."""
        self.extensions: dict[str, Any] = {}
        """What the response carries under `extensions`."""
        self._loaders: dict[type, Loader] = {}

    def load(self, model: type[R], id: object) -> "asyncio.Future[R | None]":
        loader = self._loaders.get(model)
        if loader is None:
            loader = self._loaders[model] = Loader(model, self.actor, self.fields.get(model))
        return loader.load(id)


Info = strawberry.Info[Context, None]

"""The context of the operations that are compared."""

import asyncio
from collections.abc import Callable
from typing import Any

import strawberry

from app.core.actor import Actor
from app.schema.kit.context import Context


class Scene(Context):
    """A context that keeps what the resolvers of mutations did, in order, and futures that several fields wait for.

    `shielded` is for graphql-core's executor: when a field fails, it cancels what the fields beside it wait for, though
    fields elsewhere may wait for the same future.
    """

    __slots__ = ("_futures", "_shielded", "log")

    def __init__(self, actor: Actor, *, shielded: bool) -> None:
        super().__init__(actor)
        self._shielded = shielded
        self._futures: dict[int, asyncio.Future[Any]] = {}
        self.log: list[str] = []

    def future(self, n: int, make: Callable[[int], Any]) -> asyncio.Future[Any]:
        """The one future of a number: what `make` makes of it, nothing, or a failure."""
        future = self._futures.get(n)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._futures[n] = loop.create_future()
            if n % 7 == 0:
                loop.call_soon(future.set_exception, LookupError(f"no future of {n}"))
            else:
                loop.call_soon(future.set_result, None if n % 5 == 0 else make(n))
        return asyncio.shield(future) if self._shielded else future


Info = strawberry.Info[Scene, None]

"""Whether somebody still waits for the answer."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from starlette.types import Receive, Scope

from app.api.rejections import ClientGone
from app.core.tasks import cutting

LOST = "atrium.lost"
"""The scope's extension that takes a function to call when the connection is lost, or None to call none."""


class while_connected(cutting):  # noqa: N801 - read as `with while_connected(...)`
    """A block that is cancelled when the client leaves, with ClientGone. The request's body has been read already."""

    __slots__ = ("_follow", "_receive", "_watcher")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__()
        self._receive = receive
        self._follow: Callable[[Callable[[], None] | None], None] | None = scope.get("extensions", {}).get(LOST)
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        if self._follow is not None:
            self._follow(self._leave)
        else:
            self._watcher = asyncio.create_task(self._watch())
        return super().__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._follow is not None:
            self._follow(None)
        if self._watcher is not None:
            self._watcher.cancel()
        super().__exit__(kind, error, _)

    def _leave(self) -> None:
        self.cut(ClientGone())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

"""What servers that stand for vendors of payments have in common: faults that are asked for, and signed webhooks.

Webhooks are held back, repeated and late if a test wants it, and out of order by what it delivers.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Self, TypeVar

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.core.circuits import Breaker
from app.core.outside import Outside
from app.core.settings import settings
from tests.integrations.serving import serving

Thing = dict[str, Any]
V = TypeVar("V", bound="Vendor")


@dataclass
class Fault:
    """What goes wrong with the next call of a method and a path; one that ends with `_` is how it begins.

    `timeout`, `error` and `drop` come after the work was done, `down` before; `twice` does it twice.
    """

    method: str
    path: str
    kind: str

    def fits(self, method: str, path: str) -> bool:
        begins = self.path.endswith("_") and path.startswith(self.path)
        return method == self.method and (begins or path == self.path)


@dataclass
class Webhook:
    """Who is told of what happens."""

    url: str
    delay: float = 0.0
    copies: int = 1
    held: bool = False
    """Whether events are kept back, for the test to send."""
    backlog: list[Thing] = field(default_factory=list)


class Broken(Response):
    """The head of an answer, after which the connection breaks off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ConnectionAbortedError("on purpose")


class Vendor(ABC):
    """A server, and what a test does to it."""

    def __init__(self) -> None:
        self.url = ""
        self.webhooks: list[Webhook] = []
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str]] = []
        """The calls that have come, by method and path."""
        self.hanging = asyncio.Event()
        """Set when what was never answered may end."""
        self._sending: set[asyncio.Task[None]] = set()

    @property
    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """The settings by which Atrium finds it."""

    @abstractmethod
    def app(self) -> Starlette: ...

    @abstractmethod
    def letter(self, event: Thing) -> tuple[bytes, dict[str, str]]:
        """An event as it is told, with the headers that sign it."""

    def started(self, url: str) -> None:
        self.url = url

    def meets(self, method: str, path: str) -> Fault | None:
        """What goes wrong with a call that has come."""
        self.asked.append((method, path))
        fault = next((one for one in self.faults if one.fits(method, path)), None)
        if fault is not None:
            self.faults.remove(fault)
        return fault

    async def end(self, response: Response, fault: Fault | None) -> Response:
        """What becomes of the answer."""
        if fault and fault.kind == "timeout":
            await self.hanging.wait()
        return Broken() if fault and fault.kind == "drop" else response

    def tell(self, event: Thing) -> None:
        for webhook in self.webhooks:
            if webhook.held:
                webhook.backlog.append(event)
                continue
            for _ in range(webhook.copies):
                task = asyncio.ensure_future(self._deliver(webhook, event))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

    async def _deliver(self, webhook: Webhook, event: Thing) -> None:
        await asyncio.sleep(webhook.delay)
        body, headers = self.letter(event)
        async with httpx.AsyncClient(timeout=30) as http:
            for pause in (0.1, 0.5, 1.0, 2.0):
                with suppress(httpx.TransportError):
                    response = await http.post(webhook.url, content=body, headers=headers)
                    if response.is_success:
                        return
                await asyncio.sleep(pause)

    async def close(self) -> None:
        self.hanging.set()
        for task in list(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        """A server that runs while the body does."""
        server = cls()
        async with serving(server.app()) as url:
            server.started(url)
            try:
                yield server
            finally:
                await server.close()


@asynccontextmanager
async def standing_in(module: ModuleType, vendor: type[V], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[V]:
    """A vendor that answers a module of `integrations`, whose circuit no fault opens."""
    unbroken = Outside("vendor of a test", timeout=20, concurrency=8, breaker=Breaker(failures=10_000))
    monkeypatch.setattr(module, "SERVER", unbroken)
    async with vendor.running() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        yield server
    monkeypatch.undo()
    settings.cache_clear()

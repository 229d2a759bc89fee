"""Somebody else's server that is told of what happens: it keeps what comes, and answers as it is told to."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.integrations.serving import serving
from tests.world import until


@dataclass(frozen=True)
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)
    """Seconds since the epoch."""

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def signed_by(self, secret: str) -> bool:
        """Whether an independent verifier accepts it."""
        try:
            Webhook(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


@dataclass
class Receiver:
    """A receiver with any number of paths."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answer: Callable[[Heard], Response] = lambda _: Response("ok")
    slow: float = 0.0

    async def receive(self, request: Request) -> Response:
        heard = Heard(request.url.path, dict(request.headers), await request.body())
        self.heard.append(heard)
        await asyncio.sleep(self.slow)
        return self.answer(heard)

    async def hears(self, count: int, path: str = "/", seconds: float = 20) -> list[Heard]:
        """The first so many requests to a path, as soon as they are there, which takes so long at most."""

        async def there() -> list[Heard]:
            found = [one for one in self.heard if one.path == path]
            return found if len(found) >= count else []

        return list(await until(there, seconds))


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = Starlette(routes=[Route("/{path:path}", made.receive, methods=["POST"])])
    async with serving(app) as url:
        made.url = url
        yield made

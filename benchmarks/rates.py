"""What counting requests adds to one: `python -m benchmarks.rates`, the same request counted and not, in turns.

The whole lean path in process, for somebody with three buckets whose points are leased from a Valkey of its own.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from starlette.types import Message

from app.dev.children import free_port
from app.dev.embedded import EmbeddedValkey

os.environ.setdefault("MONGODB_URI", "mongodb://127.0.0.1:1/")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
os.environ.setdefault("SECRET_KEY", "for-benchmarks-only-0123456789abcdef")
os.environ.setdefault("LOG_LEVEL", "error")

from app.api.credentials import Credentials
from app.api.documents import Documents
from app.api.doors import engine
from app.api.graphql import GraphQLEndpoint
from app.api.lean import lean
from app.api.rates import Rates
from app.core import logs, signals
from app.core.actor import Actor
from app.core.clock import new_id
from app.core.rates import Rate, meter
from app.core.settings import settings
from app.resolvers.roots import schema

ROUNDS, REQUESTS = 80, 500
POINTS = 100_000_000
BODY = b'{"query":"{ languages { code } }"}'
HEADERS = [
    (b"content-type", b"application/json"), (b"accept", b"application/json"),
    (b"authorization", b"Bearer x"), (b"content-length", b"%d" % len(BODY)),
]  # fmt: skip
SCOPE: Any = {
    "type": "http", "path": "/graphql", "method": "POST", "headers": HEADERS, "client": ("127.0.0.1", 1),
    "query_string": b"", "extensions": {"atrium.lost": lambda function: None},
}  # fmt: skip


def _door(rates: Rates | None, credentials: Credentials) -> Any:
    async def authenticate(_: str | None) -> Credentials:
        return credentials

    chosen = settings()
    way = lean(
        GraphQLEndpoint(Documents(engine(schema, chosen), chosen), chosen, authenticate, rates=rates), "/graphql"
    )
    return way.cls(_nothing, *way.args, **way.kwargs)


async def _nothing(*_: Any) -> None:
    raise AssertionError("this request is for the lean path")


async def _cost(door: Any) -> float:
    """Processor microseconds of one request."""

    async def receive() -> Message:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Message) -> None:
        assert message.get("status", 200) == 200

    begun = time.process_time()
    for _ in range(REQUESTS):
        await door(SCOPE, receive, send)
    return (time.process_time() - begun) / REQUESTS * 1e6


async def _measure() -> None:
    actor = Actor(organization_id=new_id(), user_id=new_id())
    counted, free = Credentials(actor), Credentials(actor)
    kinds = {"person": Rate(POINTS, 3_600), "organization": Rate(POINTS, 3_600), "day": Rate(POINTS, 86_400)}
    counted.meters = tuple(meter(kind, str(new_id()), "scale", rate) for kind, rate in kinds.items())
    doors = {"off": _door(None, free), "on": _door(Rates(), counted)}
    costs: dict[str, list[float]] = {name: [] for name in doors}
    for number in range(ROUNDS + 1):
        for name, door in doors.items():
            cost = await _cost(door)
            if number:  # the first round warms up
                costs[name].append(cost)
    added = [on - off for on, off in zip(costs["on"], costs["off"], strict=True)]
    for name, own in costs.items():
        print(f"{name:>4}: {statistics.median(own):.2f} µs a request ({min(own):.2f} to {max(own):.2f})")
    print(f"added: {statistics.median(added):.2f} µs ({min(added):.2f} to {max(added):.2f}), {ROUNDS} rounds in turns")


async def _main() -> None:
    logs.configure(settings())
    with tempfile.TemporaryDirectory() as directory:
        valkey = EmbeddedValkey(Path(directory), free_port()).start()
        signals.connect(valkey.url)
        try:
            await _measure()
        finally:
            await signals.close()
            valkey.stop()


if __name__ == "__main__":
    asyncio.run(_main())

"""Strawberry as it comes, with its own ASGI view: `python -m benchmarks.peers.python.stock PORT [cached]`.

`cached` adds its ParserCache and its ValidationCache.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator

import strawberry
import uvicorn
from bson import ObjectId
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from benchmarks.peers import data


@strawberry.type
class Author:
    id: strawberry.ID
    name: str


@strawberry.type
class Course:
    id: strawberry.ID
    title: str
    price: int
    rating: float
    author: Author


@strawberry.type
class Message:
    id: strawberry.ID
    text: str
    room: str
    sender: Author


@strawberry.type
class MessagePosted:
    message: Message


CATALOGUE = [Course(**{**course, "author": Author(**course["author"])}) for course in data.catalogue(data.CATALOGUE)]
SENDER = Author(**data.shown_author(data.SENDER))

_hearers: dict[str, set[asyncio.Queue[MessagePosted]]] = {}


@strawberry.type
class Query:
    @strawberry.field
    async def catalogue(self, first: int = 20) -> list[Course]:
        return CATALOGUE[:first]


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def message_posted(self, room: str) -> AsyncGenerator[MessagePosted, None]:
        queue: asyncio.Queue[MessagePosted] = asyncio.Queue()
        hearers = _hearers.setdefault(room, set())
        hearers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            hearers.discard(queue)


async def publish(request: Request) -> Response:
    text = (await request.body()).decode()
    message = Message(id=strawberry.ID(f"Message_{ObjectId()}"), text=text, room=data.ROOM, sender=SENDER)
    for queue in _hearers.get(data.ROOM, ()):
        queue.put_nowait(MessagePosted(message=message))
    return Response(status_code=204)


def create_app(*, cached: bool) -> Starlette:
    extensions = [lambda: ParserCache(), lambda: ValidationCache()] if cached else []
    view = GraphQL(strawberry.Schema(Query, subscription=Subscription, extensions=extensions), graphql_ide=None)
    routes = [
        Route("/graphql", view),
        WebSocketRoute("/graphql", view),
        Route("/publish", publish, methods=["POST"]),
    ]
    return Starlette(routes=routes)


if __name__ == "__main__":
    uvicorn.run(
        create_app(cached="cached" in sys.argv),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
    )

"""Contestants over HTTP: each is asked for the same, and answers the same before the clock runs."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from benchmarks.clients import post
from benchmarks.figures import Contestant, Round
from benchmarks.peers.contenders import FULL, Contender
from benchmarks.peers.load import Exchange, hammer, warm_up
from benchmarks.peers.stage import DATABASE, Stage

Right = Callable[[bytes], bool]


def asks(query: str, **variables: Any) -> bytes:
    """The body of a request to a GraphQL server."""
    return orjson.dumps({"query": query, "variables": variables})


def answers(data: Mapping[str, Any]) -> Right:
    """Whether a body says exactly this, key by key in the same order."""
    whole = orjson.dumps({"data": data})

    def right(body: bytes) -> bool:
        return orjson.dumps(orjson.loads(body)) == whole

    return right


async def contestant(
    stage: Stage,
    contender: Contender,
    body: bytes,
    right: Right,
    *,
    clients: int,
    path: str = "/graphql",
    name: str = "",
    database: str = DATABASE,
) -> Contestant:
    """The contender, asked by so many clients at once. Raises WrongAnswer unless it answers right."""
    server = stage.server(contender, database)
    token = stage.token if contender is FULL else ""
    exchange = await Exchange.tried(server.port, post(path, body, token), right)
    await warm_up(exchange, clients)

    async def turn(seconds: float) -> Round:
        return await hammer(exchange, clients, seconds, {"server": server.pid, **stage.pids})

    return Contestant(name or contender.name, turn)

"""A page of 20 courses with seven fields each, from memory: the price of GraphQL and HTTP alone."""

import orjson

from benchmarks.figures import Contestant, Measurement
from benchmarks.peers import data
from benchmarks.peers.contenders import (
    APOLLO,
    ATRIUM,
    BY_HAND,
    CACHED,
    FULL,
    MERCURIUS,
    NOTHING,
    STRAWBERRY,
    YOGA,
)
from benchmarks.peers.pages import answers, asks, contestant
from benchmarks.peers.stage import Stage

CLIENTS = 32
FIRST = 20
TITLE = f"A page of {FIRST} courses of seven fields from memory"

QUERY = "query Catalogue($first: Int!) { catalogue(first: $first) { id title price rating author { id name } } }"


async def prepare(stage: Stage) -> Measurement:
    """Raises WrongAnswer unless all answer the same."""
    query, right = asks(QUERY, first=FIRST), answers({"catalogue": data.catalogue(FIRST)})
    contestants: list[Contestant] = [
        await contestant(stage, contender, query, right, clients=CLIENTS)
        for contender in (ATRIUM, FULL, STRAWBERRY, CACHED, APOLLO, YOGA, MERCURIUS)
    ]
    first = orjson.dumps({"first": FIRST})
    contestants.append(await contestant(stage, BY_HAND, first, right, clients=CLIENTS, path="/catalogue"))
    contestants.append(await contestant(stage, NOTHING, first, lambda body: body == b"{}", clients=CLIENTS, path="/"))
    return Measurement(TITLE, "requests", contestants)

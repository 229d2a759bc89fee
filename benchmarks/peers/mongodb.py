"""A page of 20 courses with their authors from MongoDB: filter, order and limit on an index, then one more find."""

import orjson

from benchmarks.figures import Measurement
from benchmarks.peers import data
from benchmarks.peers.contenders import APOLLO, ATRIUM, BY_HAND, FASTIFY, FULL, MERCURIUS, YOGA
from benchmarks.peers.pages import answers, asks, contestant
from benchmarks.peers.stage import Stage

CLIENTS = 16
FIRST = 20
TITLE = f"A page of {FIRST} courses with their authors from MongoDB"

QUERY = """query Courses($category: Int!, $first: Int!) { courses(category: $category, first: $first) {
  nodes { id title price rating author { id name } } pageInfo { hasNextPage } } }"""


async def prepare(stage: Stage) -> Measurement:
    """Raises WrongAnswer unless all answer the same."""
    asked = {"category": data.CATEGORY, "first": FIRST}
    right = answers({"courses": data.newest(FIRST)})
    by_graphql = (ATRIUM, FULL, APOLLO, YOGA, MERCURIUS)
    contestants = [
        await contestant(stage, contender, asks(QUERY, **asked), right, clients=CLIENTS) for contender in by_graphql
    ]
    contestants += [
        await contestant(stage, contender, orjson.dumps(asked), right, clients=CLIENTS, path="/courses")
        for contender in (BY_HAND, FASTIFY)
    ]
    return Measurement(TITLE, "requests", contestants)

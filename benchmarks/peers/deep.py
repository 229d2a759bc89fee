"""Three levels from MongoDB: ten courses, the five lessons of each, the author of each lesson; three finds."""

import orjson

from benchmarks.figures import Measurement
from benchmarks.peers import data
from benchmarks.peers.contenders import APOLLO, ATRIUM, BY_HAND, MERCURIUS, YOGA
from benchmarks.peers.pages import answers, asks, contestant
from benchmarks.peers.stage import Stage

CLIENTS = 16
FIRST = 10
TITLE = f"{FIRST} courses, their {FIRST * data.LESSONS} lessons, the author of each"

QUERY = """query Deep($category: Int!, $first: Int!) { courses(category: $category, first: $first) {
  nodes { id title lessons { id title author { id name } } } pageInfo { hasNextPage } } }"""


async def prepare(stage: Stage) -> Measurement:
    """Raises WrongAnswer unless all answer the same."""
    asked = {"category": data.CATEGORY, "first": FIRST}
    right = answers({"courses": data.newest(FIRST, lessons=True)})
    contestants = [
        await contestant(stage, contender, asks(QUERY, **asked), right, clients=CLIENTS)
        for contender in (ATRIUM, APOLLO, YOGA, MERCURIUS)
    ]
    path = "/courses-with-lessons"
    contestants.append(await contestant(stage, BY_HAND, orjson.dumps(asked), right, clients=CLIENTS, path=path))
    return Measurement(TITLE, "requests", contestants)

"""How Atrium's own cost grows: with the items of a page, with what is stored, with how far down a page lies."""

import os
from base64 import urlsafe_b64encode

import bson

from benchmarks.figures import Contestant, Measurement
from benchmarks.peers import data, memory, mongodb
from benchmarks.peers.contenders import ATRIUM
from benchmarks.peers.pages import answers, asks, contestant
from benchmarks.peers.stage import Stage

CLIENTS = 16
ITEMS = (10, 100)
STORED = (10_000, 1_000_000)
FIRST = 20
FURTHEST = 10_000
"""The page that lies furthest down, or the last one where there are not so many."""

MEMORY_TITLE = "Growth: items of a page from memory"
MONGODB_TITLE = "Growth: items of a page from MongoDB"
STORED_TITLE = f"Growth: stored documents, for a page of {FIRST} by its cursor"

PAGE_QUERY = """query Page($category: Int!, $first: Int!, $after: String) {
  courses(category: $category, first: $first, after: $after) {
    nodes { id title price rating author { id name } } pageInfo { hasNextPage } } }"""


async def prepare(stage: Stage) -> list[Measurement]:
    """Raises WrongAnswer unless each page is the right one."""
    return [
        Measurement(MEMORY_TITLE, "requests", [await _from_memory(stage, first) for first in ITEMS]),
        Measurement(MONGODB_TITLE, "requests", [await _from_mongodb(stage, first) for first in ITEMS]),
        Measurement(STORED_TITLE, "requests", [one for stored in STORED for one in await _of_many(stage, stored)]),
    ]


async def _from_memory(stage: Stage, first: int) -> Contestant:
    query, right = asks(memory.QUERY, first=first), answers({"catalogue": data.catalogue(first)})
    return await contestant(stage, ATRIUM, query, right, clients=CLIENTS, name=f"{first} items")


async def _from_mongodb(stage: Stage, first: int) -> Contestant:
    query = asks(mongodb.QUERY, category=data.CATEGORY, first=first)
    right = answers({"courses": data.newest(first)})
    return await contestant(stage, ATRIUM, query, right, clients=CLIENTS, name=f"{first} items")


async def _of_many(stage: Stage, stored: int) -> list[Contestant]:
    """The first page and the furthest one of a database of its own."""
    database = f"peers_{stored}"
    data.fill(os.environ["MONGODB_URI"], database, courses=stored, categories=1, lessons=False)
    made = []
    for page in (1, min(FURTHEST, stored // FIRST)):
        skip = (page - 1) * FIRST
        query = asks(PAGE_QUERY, category=0, first=FIRST, after=_cursor(stored, skip))
        right = answers({"courses": data.newest(FIRST, skip=skip, courses=stored, categories=1)})
        name = f"{stored:,} documents, page {page:,}"
        made.append(await contestant(stage, ATRIUM, query, right, clients=CLIENTS, name=name, database=database))
    return made


def _cursor(stored: int, skip: int) -> str | None:
    """Where the page after so many documents begins, as the page before it says in `endCursor`."""
    if not skip:
        return None
    last = data.course_id(data.newest_numbers(stored, 1)[skip - 1])
    return urlsafe_b64encode(bson.encode({"_id": last})).decode()

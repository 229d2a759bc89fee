"""The same answers without GraphQL: Starlette, PyMongo and orjson. `python -m benchmarks.peers.python.by_hand PORT`."""

import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import uvicorn
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.peers import data
from benchmarks.peers.data import Json

SENDER_ID = data.author_id(data.SENDER)


class Course:
    """A course in memory, whose answer is built from attributes as any handler would."""

    __slots__ = ("author_id", "author_name", "id", "price", "rating", "title")

    def __init__(self, shown: Json) -> None:
        self.id, self.title, self.price, self.rating = shown["id"], shown["title"], shown["price"], shown["rating"]
        self.author_id, self.author_name = shown["author"]["id"], shown["author"]["name"]


CATALOGUE = [Course(shown) for shown in data.catalogue(data.CATALOGUE)]

_database: AsyncDatabase[Json]


async def catalogue(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    shown = [
        {
            "id": course.id,
            "title": course.title,
            "price": course.price,
            "rating": course.rating,
            "author": {"id": course.author_id, "name": course.author_name},
        }
        for course in CATALOGUE[: asked["first"]]
    ]
    return _answer({"catalogue": shown})


async def courses(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    rows, more = await _newest(asked["category"], asked["first"], "title", "price", "rating", "author_id")
    authors = await _authors(row["author_id"] for row in rows)
    nodes = [
        {
            "id": f"Course_{row['_id']}",
            "title": row["title"],
            "price": row["price"],
            "rating": row["rating"],
            "author": authors[row["author_id"]],
        }
        for row in rows
    ]
    return _answer({"courses": {"nodes": nodes, "pageInfo": {"hasNextPage": more}}})


async def courses_with_lessons(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    rows, more = await _newest(asked["category"], asked["first"], "title")
    where = {"course_id": {"$in": [row["_id"] for row in rows]}}
    columns = {"course_id": 1, "title": 1, "author_id": 1}
    lessons = await _database["lessons"].find(where, columns).sort("_id", 1).to_list()
    authors = await _authors(lesson["author_id"] for lesson in lessons)
    lessons_of: dict[ObjectId, list[Json]] = {row["_id"]: [] for row in rows}
    for lesson in lessons:
        shown = {"id": f"Lesson_{lesson['_id']}", "title": lesson["title"], "author": authors[lesson["author_id"]]}
        lessons_of[lesson["course_id"]].append(shown)
    nodes = [{"id": f"Course_{r['_id']}", "title": r["title"], "lessons": lessons_of[r["_id"]]} for r in rows]
    return _answer({"courses": {"nodes": nodes, "pageInfo": {"hasNextPage": more}}})


async def messages(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    message = {"room": asked["room"], "sender_id": SENDER_ID, "text": asked["text"], "sent_at": datetime.now(UTC)}
    done = await _database["room_messages"].insert_one(message)
    return _answer({"postMessage": {"id": f"Message_{done.inserted_id}", "text": message["text"]}})


async def _newest(category: int, first: int, *columns: str) -> tuple[list[Json], bool]:
    newest = _database["courses"].find({"category": category}, dict.fromkeys(columns, 1)).sort("_id", -1)
    rows = await newest.limit(first + 1).to_list()
    return rows[:first], len(rows) > first


async def _authors(ids: Iterable[ObjectId]) -> dict[ObjectId, Json]:
    rows = await _database["authors"].find({"_id": {"$in": list(set(ids))}}, {"name": 1}).to_list()
    return {row["_id"]: {"id": f"Author_{row['_id']}", "name": row["name"]} for row in rows}


def _answer(shown: dict[str, Any]) -> Response:
    return Response(orjson.dumps({"data": shown}), media_type="application/json")


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    global _database
    async with AsyncMongoClient[Json](os.environ["MONGODB_URI"], w="majority", maxPoolSize=50) as client:
        _database = client[os.environ["MONGODB_DATABASE"]]
        yield


def create_app() -> Starlette:
    routes = [
        Route("/catalogue", catalogue, methods=["POST"]),
        Route("/courses", courses, methods=["POST"]),
        Route("/courses-with-lessons", courses_with_lessons, methods=["POST"]),
        Route("/messages", messages, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=_lifespan)


if __name__ == "__main__":
    uvicorn.run(
        create_app(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )

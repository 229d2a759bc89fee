"""What every server is asked for: the same catalogue in memory, the same documents in MongoDB.

Everything follows from numbers, so that every run finds the same, and what the right answer is can be computed here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from bson import ObjectId
from pymongo import MongoClient
from pymongo.collection import Collection

Json = dict[str, Any]

AUTHORS = 200
COURSES = 2_000
CATEGORIES = 10
CATEGORY = 3
"""The one that is asked for."""
LESSONS = 5
"""Of each course."""
CATALOGUE = 100
ROOM = "lobby"
SENDER = 0
"""The author who says everything in the room."""

_AUTHOR, _COURSE, _LESSON = 1, 2, 3
_CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH = 10_000


def write_catalogue(path: Path) -> None:
    """The file that servers read at their start: what they hold in memory, and who sends messages."""
    sender = {"id": str(author_id(SENDER)), "name": author_name(SENDER)}
    path.write_bytes(orjson.dumps({"courses": catalogue(CATALOGUE), "sender": sender}))


def catalogue(first: int) -> list[Json]:
    """The first courses of the catalogue, as they are shown: seven fields each."""
    return [
        {
            "id": str(number),
            "title": course_title(number),
            "price": number,
            "rating": 4.5,
            "author": {"id": str(number % 5), "name": author_name(number % 5)},
        }
        for number in range(first)
    ]


def fill(
    uri: str, database: str, *, courses: int = COURSES, categories: int = CATEGORIES, lessons: bool = True
) -> None:
    """Store authors, courses and their lessons, with the indexes that reading them needs."""
    with MongoClient[Json](uri) as client:
        stored = client[database]
        _store(stored["authors"], map(_author, range(AUTHORS)))
        _store(stored["courses"], (_course(number, categories) for number in range(courses)))
        stored["courses"].create_index([("category", 1), ("_id", 1)])
        if lessons:
            _store(stored["lessons"], map(_lesson, range(courses * LESSONS)))
            stored["lessons"].create_index([("course_id", 1), ("_id", 1)])


def newest(
    first: int, *, skip: int = 0, courses: int = COURSES, categories: int = CATEGORIES, lessons: bool = False
) -> Json:
    """A page of the newest courses of the category that is asked for, as it is shown."""
    left = newest_numbers(courses, categories)[skip:]
    show = _shown_with_lessons if lessons else _shown
    return {"nodes": [show(number) for number in left[:first]], "pageInfo": {"hasNextPage": len(left) > first}}


def newest_numbers(courses: int, categories: int) -> range:
    """The numbers of the courses of the category that is asked for, newest first."""
    return range(CATEGORY % categories, courses, categories)[::-1]


def course_id(number: int) -> ObjectId:
    return _id(_COURSE, number)


def author_id(number: int) -> ObjectId:
    return _id(_AUTHOR, number)


def author_name(number: int) -> str:
    return f"Author {number}"


def course_title(number: int) -> str:
    return f"Course {number}"


def shown_author(number: int) -> Json:
    return {"id": f"Author_{author_id(number)}", "name": author_name(number)}


def _shown(number: int) -> Json:
    course = _course(number, CATEGORIES)  # how many categories there are is not shown
    return {
        "id": f"Course_{course['_id']}",
        "title": course["title"],
        "price": course["price"],
        "rating": course["rating"],
        "author": shown_author(_author_of(number)),
    }


def _shown_with_lessons(number: int) -> Json:
    lessons = [_lesson(number * LESSONS + place) for place in range(LESSONS)]
    return {
        "id": f"Course_{course_id(number)}",
        "title": course_title(number),
        "lessons": [
            {
                "id": f"Lesson_{lesson['_id']}",
                "title": lesson["title"],
                "author": shown_author(_author_of(number * LESSONS + place)),
            }
            for place, lesson in enumerate(lessons)
        ],
    }


def _author(number: int) -> Json:
    name = author_name(number)
    return {"_id": author_id(number), "name": name, "email": f"{number}@example.com", "biography": f"{name} " * 10}


def _course(number: int, categories: int) -> Json:
    return {
        "_id": course_id(number),
        "title": course_title(number),
        "slug": f"course-{number}",
        "description": "What one learns here. " * 4,
        "price": number % 500,
        "rating": number % 5 + 0.5,
        "published": True,
        "created_at": _CREATED,
        "category": number % categories,
        "author_id": author_id(_author_of(number)),
    }


def _lesson(number: int) -> Json:
    return {
        "_id": _id(_LESSON, number),
        "course_id": course_id(number // LESSONS),
        "title": f"Lesson {number % LESSONS}",
        "text": "What one reads here. " * 4,
        "author_id": author_id(_author_of(number)),
    }


def _author_of(number: int) -> int:
    """Neighbours have different authors."""
    return number * 7 % AUTHORS


def _id(kind: int, number: int) -> ObjectId:
    return ObjectId(f"{kind:08x}{number:016x}")


def _store(collection: Collection[Json], documents: Iterable[Json]) -> None:
    left = iter(documents)
    while some := list(islice(left, _BATCH)):
        collection.insert_many(some, ordered=False)

"""What one read costs this process: `python -m benchmarks.reads [--rounds N]`.

Every way asks for the same documents on the same server by turns, and must answer the same; what is compared is the
processor time of the best turn, one read at a time and many at once.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import bson
import typer
import uvloop
from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from rich.console import Console
from rich.table import Table

from app.core import database, queries
from app.core.database import Document
from app.dev.embedded import EmbeddedMongo
from benchmarks.figures import WrongAnswer

READS = 320
"""In one turn."""
AT_ONCE = 16
PAGE = 20
COLUMNS = dict.fromkeys(["_id", "title", "price", "rating", "author_id"], 1)

Rows = AsyncCollection[Document]
Read = Callable[[Rows, Document, int], Awaitable[list[Document]]]


async def _straight(rows: Rows, where: Document, limit: int) -> list[Document]:
    return await queries.find(rows, where, COLUMNS, sort={"_id": 1}, limit=limit)


async def _cursor(rows: Rows, where: Document, limit: int) -> list[Document]:
    return await rows.find(where, COLUMNS, sort={"_id": 1}, limit=limit).to_list()


async def _raw_batches(rows: Rows, where: Document, limit: int) -> list[Document]:
    batches: Any = rows.find_raw_batches(where, COLUMNS, sort={"_id": 1}, limit=limit)
    return [row async for batch in batches for row in bson.decode_all(batch, rows.codec_options)]


async def _command(rows: Rows, where: Document, limit: int) -> list[Document]:
    asked = {"find": rows.name, "filter": where, "projection": COLUMNS, "sort": {"_id": 1}, "limit": limit}
    answer = await rows.database.command(asked, codec_options=rows.codec_options)
    batch: list[Document] = answer["cursor"]["firstBatch"]
    return batch


async def _aggregate(rows: Rows, where: Document, limit: int) -> list[Document]:
    stages: list[Document] = [{"$match": where}, {"$sort": {"_id": 1}}, {"$limit": limit}, {"$project": COLUMNS}]
    return await (await rows.aggregate(stages)).to_list()


WAYS: Mapping[str, Read] = {
    "queries.find": _straight,
    "find().to_list()": _cursor,
    "find_raw_batches, decoded": _raw_batches,
    "database.command": _command,
    "aggregate": _aggregate,
}


def main(rounds: Annotated[int, typer.Option(min=1, help="How often each way takes its turn.")] = 8) -> None:
    """Start a MongoDB of its own, measure, print a table and stop. Exits with 1 when an answer was wrong."""
    with tempfile.TemporaryDirectory(prefix="atrium-reads-") as directory, EmbeddedMongo(Path(directory)) as mongo:
        spent = uvloop.run(_measure(mongo.uri.replace("&directConnection=true", ""), rounds))
    table = Table(
        "CPU µs for one read", f"{PAGE} documents", "one by id", f"{PAGE}, {AT_ONCE} at once", title_justify="left"
    )
    for name in WAYS:
        table.add_row(name, *(f"{spent[name, kind] * 1e6:.0f}" for kind in ("page", "one", "crowd")))
    Console().print(table)


async def _measure(uri: str, rounds: int) -> dict[tuple[str, str], float]:
    """The seconds of processor time of one read, of each way and kind, in the best turn."""
    database.connect(uri, "reads")
    rows = database.collection("rows")
    await rows.create_index("category")
    await rows.insert_many(_row(number) for number in range(200))
    some: dict[str, tuple[Document, int]] = {"page": ({"category": 3}, PAGE), "one": ({"_id": 7}, 1)}
    expected = {kind: await _cursor(rows, *asked) for kind, asked in some.items()}
    best: dict[tuple[str, str], float] = {}
    for _ in range(rounds):
        for name, way in WAYS.items():
            for kind, asked in some.items():
                if await way(rows, *asked) != expected[kind]:
                    raise WrongAnswer(f"{name} answered something else")
                took = await _turn(partial(way, rows, *asked), 1)
                best[name, kind] = min(took, best.get((name, kind), took))
            took = await _turn(partial(way, rows, *some["page"]), AT_ONCE)
            best[name, "crowd"] = min(took, best.get((name, "crowd"), took))
    await database.close()
    return best


async def _turn(read: Callable[[], Awaitable[object]], at_once: int) -> float:
    async def reader() -> None:
        for _ in range(READS // at_once):
            await read()

    begun = time.process_time()
    await asyncio.gather(*(reader() for _ in range(at_once)))
    return (time.process_time() - begun) / READS


def _row(number: int) -> dict[str, Any]:
    return {
        "_id": number,
        "title": f"A course with the number {number}",
        "price": number * 100,
        "rating": 4.5,
        "author_id": ObjectId(),
        "category": number % 10,
        "description": "what is not read " * 20,
    }


if __name__ == "__main__":
    typer.run(main)

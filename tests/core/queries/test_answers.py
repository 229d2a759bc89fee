"""Straight over the wire and through a cursor, the same is answered and the same is raised."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pymongo
import pytest
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

from app.core import queries
from app.core.database import Document
from tests.core.queries.clients import Watched, by_cursor, failing, outcome, straight, watched
from tests.faults.replicas import ReplicaNode

MOMENT = datetime(2026, 11, 29, 12, 30, 15, 250_000, tzinfo=UTC)
VALUES: list[Any] = [
    *(0, -1, 2**31, Int64(7), 2**62, 1.5, float("inf"), Decimal128("12.345"), True, False, None),
    *("", "a", "ärger 𝄞", "x" * 5_000, b"bytes", Binary(b"\x01\x02", 5), UUID(int=7).bytes, ObjectId("6" * 24)),
    *(MOMENT, MOMENT + timedelta(days=400_000), Timestamp(1, 2), Regex("^a", "i"), Code("f()"), MinKey(), MaxKey()),
    *([], [1, [2, {"a": None}]], {}, {"a": {"b": [{"c": 1}, {"c": 2}]}}, {"_id": 1, "$odd": 2}),
]
FILTERS: list[Document] = [
    {},
    {"_id": 3},
    {"_id": {"$in": [5, 3, 400, 1]}},
    {"_id": {"$gt": 10, "$lt": 200}},
    {"value": None},
    {"value": MOMENT},
    {"value": ObjectId("6" * 24)},
    {"value": {"$type": "string"}},
    {"value": {"$regex": "^ä"}},
    {"$or": [{"number": 4}, {"value.a.b.c": 2}]},
    {"$expr": {"$eq": ["$number", 6]}},
    {"nothing": "of this"},
]
PROJECTIONS: list[Document | None] = [None, {}, {"_id": 1}, {"value": 1}, {"_id": 0, "number": 1}, {"value": 0}]
ORDERS: list[tuple[dict[str, int] | None, int]] = [
    (None, 0),
    ({"_id": 1}, 0),
    ({"_id": -1}, 1),
    ({"number": 1, "_id": -1}, 20),
    ({"number": -1, "_id": 1}, 150),
]


async def test_a_read_answers_what_a_cursor_answers(mongo: Watched) -> None:
    rows = [{"_id": n, "number": n % 10, "value": VALUES[n % len(VALUES)]} for n in range(300)]
    await mongo.rows.insert_many(rows)
    found = 0
    for where in FILTERS:
        for projection in PROJECTIONS:
            for sort, limit in ORDERS:
                expected = await by_cursor(mongo.rows, where, projection, sort=sort, limit=limit)
                mongo.commands.clear()
                answered = await straight(mongo.rows, where, projection, sort=sort, limit=limit)
                assert answered == expected
                assert list(map(repr, answered)) == list(map(repr, expected))  # types, too, and the order of fields
                assert mongo.commands.straight
                assert len(mongo.commands.sent) == 1
                found += len(answered)
    assert found > 10_000


async def test_one_is_the_first_or_none(mongo: Watched, ten: list[Document]) -> None:
    assert await queries.find_one(mongo.rows, {"odd": True}, sort={"_id": -1}) == ten[9]
    assert await queries.find_one(mongo.rows, {"_id": 4}, {"text": 1, "_id": 0}) == {"text": "row 4"}
    assert await queries.find_one(mongo.rows, {"_id": 10}) is None
    assert mongo.commands.straight


async def test_more_than_one_reply_can_hold_is_read_to_its_end_once(mongo: Watched, node: ReplicaNode) -> None:
    rows = [{"_id": n, "text": "x" * 1_000_000} for n in range(36)]
    for start in range(0, 36, 12):
        await mongo.rows.insert_many(rows[start : start + 12])
    mongo.commands.clear()
    assert await straight(mongo.rows, {}, sort={"_id": 1}) == rows
    assert len(mongo.commands.sent) == 3
    assert await straight(mongo.rows, {}, sort={"_id": -1}, limit=20) == rows[:-21:-1]
    async with failing(node, 1, "getMore", closeConnection=True):
        assert await straight(mongo.rows, {}, sort={"_id": 1}) == rows
    assert mongo.commands.straight

    async with failing(node, 1, "getMore", blockTimeMS=300):
        given_up = asyncio.create_task(straight(mongo.rows, {}))
        mongo.commands.clear()
        while "getMore started" not in mongo.commands.heard:
            await asyncio.sleep(0.01)
        given_up.cancel()
        await asyncio.wait([given_up])
    for _ in range(100):
        status = await node.ask("serverStatus")
        if not status["metrics"]["cursor"]["open"]["total"]:
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("a cursor that nobody reads stayed open")


@pytest.mark.parametrize(
    ("where", "projection", "sort"),
    [
        ({"a": {"$nope": 1}}, None, None),
        ({"$where": 1}, None, None),
        ({}, {"a": 1, "b": 0}, None),
        ({}, None, {"a": 7}),
        ({"a": object()}, None, None),
        ({"a": 2**64}, None, None),
        ({1: "a key"}, None, None),
        ({"a": "x" * 17_000_000}, None, None),
    ],
    ids=["operator", "where", "projection", "sort", "type", "range", "key", "size"],
)
async def test_what_cannot_be_asked_is_refused_with_the_same_words(
    mongo: Watched, where: Document, projection: Document, sort: dict[str, int]
) -> None:
    refused = await outcome(straight(mongo.rows, where, projection, sort=sort))
    assert refused == await outcome(by_cursor(mongo.rows, where, projection, sort=sort))
    assert refused[0] != "ok"
    assert await mongo.idle()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    "failure",
    [
        *({"errorCode": code} for code in (10107, 11600, 6, 50, 391, 8000)),
        {"closeConnection": True},
    ],
    ids=str,
)
async def test_what_the_server_cannot_do_is_tried_again_as_often_and_told_with_the_same_words(
    mongo: Watched, node: ReplicaNode, ten: list[Document], times: int, failure: Document
) -> None:
    outcomes = []
    for read in (by_cursor, straight):
        generation = (await mongo.pool()).gen.get_overall()
        mongo.commands.clear()
        async with failing(node, times, "find", **failure):
            answer = await outcome(read(mongo.rows, {}))
        assert await read(mongo.rows, {}) == ten
        cleared = (await mongo.pool()).gen.get_overall() - generation  # what the driver's topology has learnt
        outcomes.append((answer, mongo.commands.heard, cleared))
    assert outcomes[0] == outcomes[1]
    assert await mongo.idle()


async def test_a_client_that_does_not_try_again_does_not(node: ReplicaNode, ten: list[Document]) -> None:
    async with watched(node.uri, retryReads=False) as mongo:
        assert len(await straight(mongo.rows, {})) == 10
        async with failing(node, 1, "find", closeConnection=True):
            assert (await outcome(straight(mongo.rows, {})))[0] is pymongo.errors.AutoReconnect

"""What reads do with connections: none is lost, none answers another's read, and no wait is longer than it may be."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pymongo
import pytest
from pymongo.errors import NetworkTimeout, WaitQueueTimeoutError

from app.core import wire
from app.core.database import Document
from tests.core.queries.clients import Watched, by_cursor, failing, outcome, straight, watched
from tests.faults.replicas import ReplicaNode

SEED = 20_261_129


@pytest.fixture
async def narrow(node: ReplicaNode, ten: list[Document]) -> AsyncIterator[Watched]:
    """A client of few connections, one of them open."""
    async with watched(node.uri, maxPoolSize=3, waitQueueTimeoutMS=500) as mongo:
        await straight(mongo.rows, {})
        yield mongo


async def test_a_read_may_be_cancelled_at_every_step(narrow: Watched) -> None:
    """One step of the event loop later each time, until the read is done before."""
    for steps in range(1_000):
        # On an open connection: while PyMongo makes one, a cancellation may be lost in Python 3.11's `wait_for`.
        assert await straight(narrow.rows, {"_id": 2}, {"_id": 1}) == [{"_id": 2}]
        read = asyncio.create_task(straight(narrow.rows, {"_id": 1}, {"_id": 1}))
        for _ in range(steps):
            await asyncio.sleep(0)
        if read.done():
            assert steps > 1
            assert await read == [{"_id": 1}]
            break
        read.cancel()
        with pytest.raises(asyncio.CancelledError):
            await read
        assert await narrow.idle()
    else:
        pytest.fail("no read was ever done")


async def test_whoever_is_cancelled_nobody_gets_the_answer_of_another(narrow: Watched) -> None:
    chance = random.Random(SEED)

    async def read(number: int) -> str:
        patience = chance.choice([0, 0.001, 0.002, 0.004, 0.01, 5])
        try:
            async with asyncio.timeout(patience):
                found = await straight(narrow.rows, {"_id": number}, {"text": 1})
        except TimeoutError:
            return "cancelled"
        except WaitQueueTimeoutError:
            return "refused"
        assert found == [{"_id": number, "text": f"row {number}"}]
        return "ok"

    ended: list[str] = []
    for _ in range(20):
        ended += await asyncio.gather(*(read(number % 10) for number in range(30)))
    assert ended.count("cancelled") > 50
    assert ended.count("ok") > 50
    assert await narrow.idle()
    assert len((await narrow.pool()).conns) <= 3


async def test_a_cancelled_read_closes_its_connection_and_a_refused_one_does_not(
    narrow: Watched, node: ReplicaNode
) -> None:
    (before,) = (await narrow.pool()).conns
    await outcome(straight(narrow.rows, {"a": {"$nope": 1}}))
    assert list((await narrow.pool()).conns) == [before]
    async with failing(node, 1, "find", blockTimeMS=500):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await straight(narrow.rows, {})
    assert before.closed
    assert not (await narrow.pool()).conns
    assert await narrow.idle()


async def test_who_finds_no_connection_is_refused_as_soon_as_by_a_cursor(
    node: ReplicaNode, ten: list[Document]
) -> None:
    async with watched(node.uri, maxPoolSize=2, waitQueueTimeoutMS=150) as mongo:
        for read in (by_cursor, straight):
            async with failing(node, 2, "find", blockTimeMS=1_000):
                slow = [asyncio.create_task(read(mongo.rows, {})) for _ in range(2)]
                while len(mongo.commands.sent) < 2:
                    await asyncio.sleep(0.01)
                begun = time.monotonic()
                with pytest.raises(WaitQueueTimeoutError):
                    await read(mongo.rows, {})
                assert 0.3 <= time.monotonic() - begun < 0.9  # it tries twice
                assert await asyncio.gather(*slow) == [ten, ten]
            assert await mongo.idle()
            mongo.commands.clear()


async def test_a_deadline_reaches_the_server_and_ends_the_wait(mongo: Watched, node: ReplicaNode) -> None:
    await straight(mongo.rows, {})
    outcomes = []
    for read in (by_cursor, straight):
        mongo.commands.clear()
        async with failing(node, 1, "find", blockTimeMS=1_200):
            begun = time.monotonic()
            with pymongo.timeout(0.4):
                outcomes.append(await outcome(read(mongo.rows, {})))
            assert time.monotonic() - begun < 1.1
        (sent,) = mongo.commands.sent
        assert 0 < sent["maxTimeMS"] <= 400
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] is NetworkTimeout
    assert await mongo.idle()


async def test_a_deadline_of_the_client_holds_too(node: ReplicaNode, ten: list[Document]) -> None:
    async with watched(node.uri, timeoutMS=2_000) as mongo:
        assert await straight(mongo.rows, {}) == ten
        (sent,) = mongo.commands.sent
        assert 0 < sent["maxTimeMS"] <= 2_000


async def test_the_patience_with_a_silent_server_is_that_of_the_client(node: ReplicaNode, ten: list[Document]) -> None:
    outcomes = []
    async with watched(node.uri, socketTimeoutMS=400) as mongo:
        for read in (by_cursor, straight):
            assert await read(mongo.rows, {}) == ten
            async with failing(node, 2, "find", blockTimeMS=1_600):
                begun = time.monotonic()
                outcomes.append(await outcome(read(mongo.rows, {})))
                assert 0.8 <= time.monotonic() - begun < 1.5  # for each of two attempts
        assert await mongo.idle()
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] is NetworkTimeout


async def test_an_answer_that_came_while_the_process_was_busy_is_not_too_late(
    mongo: Watched, node: ReplicaNode, ten: list[Document]
) -> None:
    await straight(mongo.rows, {})
    async with failing(node, 1, "find", blockTimeMS=200):
        with pymongo.timeout(0.5):
            read = asyncio.create_task(straight(mongo.rows, {}))
        await asyncio.sleep(0.1)
        time.sleep(0.8)
        assert await read == ten


async def test_a_reply_that_is_here_is_not_given_up(mongo: Watched) -> None:
    """Though its reader may not have had its turn yet."""
    await straight(mongo.rows, {})
    async with (await mongo.pool()).checkout() as connection:
        patience = wire._Patience(connection)
        patience._give_up(TimeoutError("timed out"))
        patience.end()
        assert not connection.conn_closed()


async def test_a_read_leaves_a_connection_that_the_driver_has_given_up(
    mongo: Watched, node: ReplicaNode, ten: list[Document]
) -> None:
    await straight(mongo.rows, {})
    pool = await mongo.pool()
    async with failing(node, 1, "find", blockTimeMS=2_000):
        read = asyncio.create_task(straight(mongo.rows, {}))
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        await pool.reset(interrupt_connections=True)  # as when the monitor finds the server silent
        await pool.ready()
        assert await read == ten
        assert time.monotonic() - begun < 1.5
    assert await mongo.idle()

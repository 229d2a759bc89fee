"""Which reads go straight over the wire, which by a cursor, and that both are seen by those who watch."""

import subprocess
import sys
from pathlib import Path

import pymongo
import pytest
from bson import Timestamp
from pymongo import AsyncMongoClient
from pymongo.client_options import ClientOptions
from pymongo.read_concern import ReadConcern

from app.core import queries, wire
from app.core.database import Document
from tests.core.queries.clients import Watched, by_cursor, straight, watched
from tests.faults.replicas import ReplicaNode

ROOT = Path(__file__).parents[3]


def test_this_pymongo_is_one_of_those_that_are_named() -> None:
    """A new one: compare the parts that `app.core.wire` imports, run these tests, then name it."""
    assert pymongo.version in queries.TESTED


def test_with_another_pymongo_reads_go_by_cursors_and_the_log_says_so() -> None:
    program = """if True:
        import pymongo, sys
        pymongo.version = "4.999.0"
        from app.core import queries
        queries.configure(fast=True)
        assert not queries._straight and "app.core.wire" not in sys.modules
    """
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "queries.fast_reads_off" in ended.stdout
    assert "4.999.0" in ended.stdout


async def test_a_setting_sends_all_reads_by_cursors(
    mongo: Watched, ten: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_straight", True)
    queries.configure(fast=False)
    assert await queries.find(mongo.rows, {}, {"text": 0}, sort={"_id": -1}, limit=2) == [
        {"_id": 9, "odd": True},
        {"_id": 8, "odd": False},
    ]
    assert await queries.find_one(mongo.rows, {"_id": 3}) == ten[3]
    assert all("lsid" in command for command in mongo.commands.sent)
    queries.configure(fast=True)
    mongo.commands.clear()
    assert await queries.find(mongo.rows, {}) == ten
    assert mongo.commands.straight


async def test_a_read_with_a_session_or_within_one_is_a_part_of_it(mongo: Watched, ten: list[Document]) -> None:
    async with mongo.client.start_session() as session, await session.start_transaction():
        await mongo.rows.insert_one({"_id": 10}, session=session)
        assert await queries.find_one(mongo.rows, {"_id": 10}, session=session) == {"_id": 10}
        assert await queries.find_one(mongo.rows, {"_id": 10}) is None
        await session.abort_transaction()
    inside, outside = mongo.commands.sent
    assert inside["autocommit"] is False
    assert "lsid" not in outside
    mongo.commands.clear()
    async with mongo.client.start_session() as session, session.bind():
        assert await queries.find(mongo.rows, {}) == ten
        assert mongo.commands.sent[0]["lsid"] == session.session_id


def test_clients_that_need_more_than_a_command_and_its_reply_are_left_to_cursors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = AsyncMongoClient[Document]("mongodb://localhost")
    assert wire.suits(plain)
    assert not wire.suits(AsyncMongoClient[Document]("mongodb://localhost/?loadBalanced=true"))
    monkeypatch.setattr(ClientOptions, "auto_encryption_opts", object())
    assert not wire.suits(plain)


async def test_listeners_hear_of_a_read_what_they_hear_of_a_cursor(mongo: Watched, ten: list[Document]) -> None:
    sent, heard = [], []
    for read in (by_cursor, straight):
        mongo.commands.clear()
        await read(mongo.rows, {"odd": True}, {"text": 1}, sort={"_id": 1}, limit=2)
        (command,) = mongo.commands.sent
        sent.append({key: value for key, value in command.items() if key not in ("lsid", "batchSize", "$clusterTime")})
        heard.append(mongo.commands.heard)
    assert sent[0] == sent[1]
    assert heard[0] == heard[1] == ["find started", "find succeeded"]


async def test_the_options_of_the_collection_hold(mongo: Watched, ten: list[Document]) -> None:
    majority = mongo.rows.with_options(read_concern=ReadConcern("majority"))
    assert await straight(majority, {}) == ten
    assert mongo.commands.sent[-1]["readConcern"] == {"level": "majority"}
    naive = mongo.rows.with_options(codec_options=mongo.rows.codec_options.with_options(document_class=dict))
    assert await straight(naive, {}) == ten


async def test_reads_learn_and_pass_on_the_time_of_the_cluster(mongo: Watched, node: ReplicaNode) -> None:
    """So that a causal session that begins afterwards is not behind what was read."""
    async with watched(node.uri, heartbeatFrequencyMS=60_000) as other:
        await straight(other.rows, {})
        before = _time(other)
        await mongo.rows.insert_one({"_id": "later"})
        assert await straight(other.rows, {}) == [{"_id": "later"}]
        assert _time(other) > before
        assert other.commands.sent[-1]["$clusterTime"]["clusterTime"] >= before


def _time(mongo: Watched) -> Timestamp:
    newest = mongo.client._topology.max_cluster_time()
    assert newest
    time: Timestamp = newest["clusterTime"]
    return time

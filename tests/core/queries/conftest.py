"""A MongoDB that can be told to fail, and clients of it that are watched."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.database import Document
from tests.core.queries.clients import Watched, watched
from tests.faults.replicas import ReplicaNode, ReplicaSet


@pytest.fixture(scope="session")
async def replica_set(server_directory: Path) -> AsyncIterator[ReplicaSet]:
    """Of one node, with test commands."""
    replicas = ReplicaSet(server_directory / "queries", 1)
    try:
        await replicas.start()
        yield replicas
    finally:
        for node in replicas.nodes:
            node.process.kill()


@pytest.fixture
def node(replica_set: ReplicaSet) -> ReplicaNode:
    return replica_set.nodes[0]


@pytest.fixture
async def mongo(replica_set: ReplicaSet) -> AsyncIterator[Watched]:
    """A client whose collection `rows` holds nothing."""
    async with watched(replica_set.uri) as client:
        await client.rows.drop()
        yield client


@pytest.fixture
async def ten(mongo: Watched) -> list[Document]:
    """The ten documents in `rows`, with the ids 0 to 9."""
    rows: list[Document] = [{"_id": number, "text": f"row {number}", "odd": bool(number % 2)} for number in range(10)]
    await mongo.rows.insert_many(rows)
    mongo.commands.clear()
    return rows

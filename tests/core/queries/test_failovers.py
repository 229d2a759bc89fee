"""Reads while MongoDB's primary dies, steps down and freezes: what is read is right, and goes on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymongo.errors import PyMongoError
from pymongo.read_preferences import ReadPreference

from tests.core.queries.clients import Watched, straight, watched
from tests.faults.deployment import Deployment, deployed
from tests.faults.members import PATIENCE_SECONDS

READERS = 8


class Stream:
    """Readers that read on and on, each a document of its own."""

    def __init__(self, mongo: Watched) -> None:
        self._mongo = mongo
        self.read, self.failed, self.wrong = 0, Counter[str](), 0

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        readers = [asyncio.create_task(self._read(number)) for number in range(READERS)]
        try:
            yield
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.wait(readers)

    async def _read(self, number: int) -> None:
        while True:
            try:
                found = await straight(self._mongo.rows, {"_id": number})
                self.read += 1
                self.wrong += found != [{"_id": number, "text": f"row {number}"}]
            except PyMongoError as error:
                self.failed[type(error).__name__] += 1
            await asyncio.sleep(0.01)

    async def goes_on(self) -> None:
        """Returns when every reader has had time for another ten reads."""
        enough = self.read + 10 * READERS
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.read < enough:
                await asyncio.sleep(0.05)


@pytest.mark.timeout(300)
async def test_reads_survive_what_becomes_of_the_primary(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, nodes=3) as deployment,
        watched(deployment.mongo.uri, w=3, heartbeatFrequencyMS=1_000, connectTimeoutMS=1_000) as mongo,
    ):
        await mongo.rows.insert_many([{"_id": number, "text": f"row {number}"} for number in range(READERS)])
        await _secondaries_can_be_read(deployment, mongo)
        stream, replicas = Stream(mongo), deployment.mongo
        async with stream.flowing():
            await stream.goes_on()
            first = await replicas.elected()
            await replicas.step_down()
            second = await replicas.succeeded(first)
            await stream.goes_on()

            async with (await deployment.primary()).frozen():  # without a socket timeout, its connections stay silent
                third = await replicas.succeeded(second)
                await stream.goes_on()

            (await deployment.primary()).kill()
            await replicas.succeeded(third)
            await stream.goes_on()
        print(f"{stream.read} reads")
        assert stream.wrong == 0
        assert not stream.failed  # each was tried again, and then found the next primary
        assert await mongo.idle()


async def _secondaries_can_be_read(deployment: Deployment, mongo: Watched) -> None:
    primary = await deployment.primary()
    await mongo.client.admin.command("ping")
    mongo.commands.clear()
    elsewhere = mongo.rows.with_options(read_preference=ReadPreference.SECONDARY)
    for _ in range(20):
        assert len(await straight(elsewhere, {})) == READERS
    assert mongo.commands.straight
    assert {command["$readPreference"]["mode"] for command in mongo.commands.sent} == {"secondary"}
    assert {port for _, port in mongo.commands.addresses} == {node.port for node in deployment.nodes} - {primary.port}

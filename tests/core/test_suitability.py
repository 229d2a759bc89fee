"""R24: a MongoDB that would keep the locks of the dead is refused, and one that forgets too soon is told of."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import Timestamp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure
from structlog.testing import capture_logs

from app.core import database as connection
from app.core import suitability
from app.core.clock import source
from app.core.database import Document
from app.dev.embedded import EmbeddedMongo
from tests.processes import ATRIUM, Program, environment, wait_until


async def test_the_servers_of_the_tests_are_suitable(database: AsyncDatabase[Document]) -> None:
    await suitability.check()
    assert await suitability.oplog_hours() is None


async def test_r24_a_server_that_keeps_dead_transactions_is_refused_until_it_is_set_right(
    tmp_path: Path, redis_url: str
) -> None:
    with EmbeddedMongo(tmp_path / "mongodb") as mongo:
        async with AsyncMongoClient[dict[str, Any]](mongo.uri) as client:
            await client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=60)
            env = environment(MONGODB_URI=mongo.uri, REDIS_URL=redis_url)
            with Program([*ATRIUM, "worker"], env, tmp_path / "worker") as worker:
                advice = "--setParameter transactionLifetimeLimitSeconds=5"
                wait_until(lambda: advice in worker.output, 60, "the worker says what to change")
                assert "worker.works" not in worker.output
                await client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=30)
                wait_until(lambda: "worker.works" in worker.output, 60, "it works")


async def test_a_server_that_may_not_be_asked_is_believed(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        async def command(self, *_: object, **__: object) -> None:
            raise OperationFailure("not authorized on admin", 13)

    monkeypatch.setattr(connection, "client", lambda: type("Client", (), {"admin": Refusing()}))
    with capture_logs() as logs:
        await suitability.check()
    assert [line["event"] for line in logs] == ["mongodb_not_judged"]


@pytest.mark.parametrize(("age", "filled", "hours"), [(2, 0.5, 4.0), (48, 1.0, 48.0), (0.5, 0.5, None)])
async def test_the_oplog_is_judged_by_what_is_in_it(
    monkeypatch: pytest.MonkeyPatch, age: float, filled: float, hours: float | None
) -> None:
    now = int(source())
    first = now - int(timedelta(hours=age).total_seconds())

    class Oplog:
        async def find_one(self, *_: object, sort: list[tuple[str, int]]) -> Document:
            return {"ts": Timestamp(first if sort[0][1] == 1 else now, 1)}

    class Local:
        async def command(self, *_: object) -> Document:
            return {"size": int(filled * 1000), "maxSize": 1000}

        def __getitem__(self, _: str) -> Oplog:
            return Oplog()

    monkeypatch.setattr(connection, "client", lambda: type("Client", (), {"local": Local()}))
    assert await suitability.oplog_hours() == hours
    with capture_logs() as logs:
        await suitability.check_oplog()
    assert [line["event"] for line in logs] == (["oplog_is_short"] if hours == 4.0 else [])

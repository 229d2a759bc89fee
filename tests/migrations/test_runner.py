import asyncio
from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from app.core import database as connection
from app.core.clock import EPOCH
from app.core.database import Document
from app.migrations import runner
from app.migrations.runner import MIGRATIONS, Migration, MigrationsPending, MigrationsRun
from app.models import DOCUMENTS


@pytest.fixture
async def fresh(
    database: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncDatabase[Document]]:
    """A database that had no migration."""
    name = f"atrium_test_{token_hex(6)}"
    monkeypatch.setattr(connection, "_name", name)
    yield connection.database()
    await connection.client().drop_database(name)


def silent(name: str, done: int, total: int) -> None:
    """Nobody looks."""


def noting(name: str, ran: list[str], fingerprint: str = "") -> Migration:
    async def up(_: AsyncDatabase[Document]) -> None:
        ran.append(name)

    return Migration(name, up, fingerprint)


async def test_each_runs_once_in_order_and_is_announced(fresh: AsyncDatabase[Document]) -> None:
    ran: list[str] = []
    told: list[tuple[str, int, int]] = []
    first = [noting("m0001_a", ran), noting("m0002_b", ran)]
    assert await runner.run(lambda *step: told.append(step), first) == 2
    assert told == [("m0001_a", 0, 2), ("m0002_b", 1, 2)]
    assert await runner.run(silent, [*first, noting("m0003_c", ran)]) == 1
    assert ran == ["m0001_a", "m0002_b", "m0003_c"]


async def test_one_that_fails_is_pending_and_runs_again(fresh: AsyncDatabase[Document]) -> None:
    ran: list[str] = []

    async def up(_: AsyncDatabase[Document]) -> None:
        ran.append("b")
        if len(ran) == 2:
            raise RuntimeError("on purpose")

    steps = [noting("a", ran), Migration("b", up), noting("c", ran)]
    with pytest.raises(RuntimeError):
        await runner.run(silent, steps)
    assert [step.name for step in await runner.pending(steps)] == ["b", "c"]
    assert await runner.run(silent, steps) == 2
    assert ran == ["a", "b", "b", "c"]


async def test_one_process_at_a_time(fresh: AsyncDatabase[Document]) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    starts = 0

    async def up(_: AsyncDatabase[Document]) -> None:
        nonlocal starts
        starts += 1
        started.set()
        await go_on.wait()

    slow = [Migration("slow", up)]
    first = asyncio.create_task(runner.run(silent, slow))
    await asyncio.wait_for(started.wait(), 10)
    with pytest.raises(MigrationsRun):
        await runner.run(silent, slow)
    go_on.set()
    assert await first == 1
    assert await runner.run(silent, slow) == 0
    assert starts == 1


async def test_a_step_whose_content_changed_runs_again(fresh: AsyncDatabase[Document]) -> None:
    ran: list[str] = []
    await runner.run(silent, [noting("indexes", ran, "1")])
    await runner.run(silent, [noting("indexes", ran, "1")])
    await runner.run(silent, [noting("indexes", ran, "2")])
    assert ran == ["indexes"] * 2


async def test_organizations_of_before_are_active(fresh: AsyncDatabase[Document]) -> None:
    await fresh["organizations"].insert_many([{"_id": 1, "slug": "a"}, {"_id": 2, "slug": "b", "state": "closed"}])
    await runner.run(silent)
    states = [row["state"] async for row in fresh["organizations"].find().sort("_id", 1)]
    assert states == ["active", "closed"]


async def test_this_release_builds_its_indexes_and_a_newer_one_s_rows_do_not_matter(
    fresh: AsyncDatabase[Document],
) -> None:
    with pytest.raises(MigrationsPending):
        await runner.check()
    await fresh[MIGRATIONS].insert_one({"_id": "m9999_of_a_newer_release", "at": 0, "fingerprint": ""})
    assert await runner.run(silent) == len(runner.released())
    await runner.check()
    for model in DOCUMENTS:
        declared = getattr(getattr(model, "Settings", None), "indexes", ())
        there = await fresh[model.collection].index_information()
        assert {index.document["name"] for index in declared} <= there.keys()


async def test_an_index_that_was_declared_otherwise_is_built_anew(fresh: AsyncDatabase[Document]) -> None:
    old = IndexModel(
        [("next_at", ASCENDING), ("_id", ASCENDING)], partialFilterExpression={"next_at": {"$type": "date"}}
    )
    await fresh["subscriptions"].create_indexes([old])
    await runner.run(silent)
    built = (await fresh["subscriptions"].index_information())["next_at_1__id_1"]
    assert built["partialFilterExpression"] == {"next_at": {"$gt": EPOCH.replace(tzinfo=None)}}

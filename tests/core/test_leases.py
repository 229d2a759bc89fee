"""A lease ends with its time, or as soon as its owner's process is known to have ended."""

import asyncio
import os
import secrets
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from app.core import database as connection
from app.core import leases
from app.core.clock import now
from app.core.database import Document
from app.core.tasks import end

Owners = AsyncCollection[Document]

ME = leases.new_owner()
NAMES_ITSELF = "import sys; from app.core.leases import new_owner; print(new_owner(), flush=True); sys.stdin.read()"


@pytest.fixture
async def owners(database: AsyncDatabase[Document]) -> AsyncIterator[Owners]:
    """A collection of leases, empty."""
    leased = connection.collection(f"leases_{secrets.token_hex(6)}")
    yield leased
    await leased.drop()


async def held_by(owners: Owners, owner: str) -> None:
    """For an hour."""
    lease = {"owner": owner, "until": now() + timedelta(hours=1), "since": now(), "token": 5}
    await owners.replace_one({"_id": "work"}, lease, upsert=True)


async def taken(owners: Owners) -> Document | None:
    return await leases.take(owners.name, "work", ME)


async def test_it_is_let_go_early_when_its_owner_has_ended_and_not_when_it_is_frozen(owners: Owners) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", NAMES_ITSELF, stdin=PIPE, stdout=PIPE)
    try:
        assert process.stdout
        await held_by(owners, (await process.stdout.readline()).decode().strip())
        assert await taken(owners) is None
        process.send_signal(signal.SIGSTOP)
        assert await taken(owners) is None
    finally:
        process.kill()
        await process.wait()
    row = await taken(owners)
    assert row and (row["owner"], row["token"]) == (ME, 6)


@pytest.fixture
async def ended() -> str:
    """An owner whose process has ended."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", NAMES_ITSELF, stdin=PIPE, stdout=PIPE)
    out, _ = await process.communicate(b"")
    return out.decode().strip()


async def test_of_who_is_elsewhere_nothing_is_known(owners: Owners, ended: str) -> None:
    host, process, place, drawn = ended.split(":")
    elsewhere = [
        f"{host}:{process}:{'0' * len(place)}:{drawn}",
        f"{host}:{process}::{drawn}",
        f"{host}:{process}:{drawn}",
    ]
    for owner in [*elsewhere, "somebody", ""]:
        await held_by(owners, owner)
        assert await taken(owners) is None, owner
    await held_by(owners, ended)
    assert await taken(owners)


async def test_nothing_is_known_where_places_have_no_name(ended: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host, process, _, drawn = ended.split(":")
    assert leases.died(ended)
    monkeypatch.setattr(leases, "_place", lambda: "")
    assert not leases.died(ended)
    assert not leases.died(f"{host}:{process}::{drawn}")


async def test_a_process_of_somebody_else_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert not leases.died(leases.new_owner())


async def test_what_is_paused_is_not_taken_from_the_dead_either(owners: Owners, ended: str) -> None:
    await held_by(owners, ended)
    await owners.update_one({"_id": "work"}, {"$set": {"paused_at": now()}})
    assert await taken(owners) is None
    assert (await owners.find_one() or {})["owner"] == ended


async def test_who_leads_begins_again_after_a_failure_and_gives_back_when_it_is_cancelled(owners: Owners) -> None:
    begun, failures = 0, list[str]()
    works = asyncio.Event()

    async def work(row: Document) -> None:
        nonlocal begun
        begun += 1
        assert row["owner"] == ME
        if begun < 3:
            raise LookupError(f"failure {begun}")
        works.set()
        await asyncio.Event().wait()

    async def failed(error: Exception) -> float | None:
        failures.append(str(error))
        return 0.01 if len(failures) == 1 else None

    leading = asyncio.create_task(leases.lead(owners.name, "work", ME, work, failed, pause=0.01, longest=0.02))
    async with asyncio.timeout(30):
        await works.wait()
    assert failures == ["failure 1", "failure 2"]
    assert await leases.take(owners.name, "work", "another") is None
    await end(leading)
    assert await leases.take(owners.name, "work", "another")

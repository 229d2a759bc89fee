import asyncio
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from bson import ObjectId
from structlog.testing import capture_logs

from app.core import database, keyring
from app.core.actor import Actor
from app.core.backups import BackupError
from app.core.backups.progress import silently
from app.core.backups.tailing import advance, beginning
from app.core.settings import settings
from app.jobs.platform import backups as jobs
from app.models import Organization, OrganizationState, User
from app.services.organizations import deletion
from app.services.platform import backups
from app.services.privacy import erasure
from tests.factories.identity import make_user
from tests.factories.organizations import make_organization
from tests.jobs.working import PATIENCE, Worker


@pytest.fixture
def kept(idle: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Backups are on, and the worker's database is the platform's."""
    own = {"BACKUP_URL": f"file://{tmp_path}/kept", "BACKUP_KEY": b64encode(b"n" * 32).decode()}
    for name, value in {**own, "MONGODB_DATABASE": database.database().name}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield tmp_path / "kept"
    settings.cache_clear()


class Watched(SimpleNamespace):
    """A job that notes what is reported."""

    async def report(self, done: int, total: int, note: str) -> None:
        self.reports.append((done, total, note))


async def run(job: Any) -> tuple[dict[str, Any], list[Any]]:
    watched = Watched(reports=[])
    return dict(await job.run(cast("Any", watched))), watched.reports


async def test_the_night_makes_a_backup_and_proves_it(kept: Path) -> None:
    user = await make_user("Ada")
    await make_organization(user)
    made, reports = await run(jobs.back_up)
    assert made["documents"] > 0
    assert ("users" in {note for _, _, note in reports}) == (made["size"] > 0)
    with capture_logs() as logs:
        drilled, _ = await run(jobs.drill_restore)
    assert drilled["documents"] == made["documents"]
    assert [one["event"] for one in logs if one["event"].startswith("backup.")] == ["backup.drilled"]


async def test_a_drill_that_fails_is_loud(kept: Path) -> None:
    await make_user("Ada")
    await run(jobs.back_up)
    next(kept.glob("*/full/*/0003")).write_bytes(b"")
    with capture_logs() as logs, pytest.raises(BackupError):
        await run(jobs.drill_restore)
    assert [one["log_level"] for one in logs if one["event"] == "backup.drill_failed"] == ["error"]


async def test_without_a_place_nothing_is_made(idle: Worker) -> None:
    for job in (jobs.back_up, jobs.drill_restore):
        assert await run(job) == ({"off": "BACKUP_URL is not set"}, [])


async def test_rows_of_no_organization_are_found(kept: Path) -> None:
    user = await make_user("Ada")
    await make_organization(user)
    assert await backups.tenants_exist() == []
    orphan = ObjectId()
    await database.collection("messages").insert_one({"organization_id": orphan})
    found = f"messages has rows of {orphan}, which is no organization, or no more"
    assert await backups.tenants_exist() == [found]
    await database.collection("organizations").insert_one({"_id": orphan, "slug": f"-{orphan}", "state": "deleted"})
    assert await backups.tenants_exist() == [found], "a tombstone owns nothing"
    await run(jobs.back_up)
    with pytest.raises(BackupError, match="which is no organization"):
        await run(jobs.drill_restore)


@pytest.mark.parametrize("told_by", ["a full backup", "a segment"])
async def test_who_was_erased_since_does_not_come_back(
    kept: Path, idle: Worker, monkeypatch: pytest.MonkeyPatch, told_by: str
) -> None:
    """S18, S19."""
    erased, other = await make_user("Canaria"), await make_user("Grace")
    gone, stays = await make_organization(erased), await make_organization(other)
    owners = [keyring.person(erased.id), keyring.organization(gone.id), keyring.person(other.id)]
    sealed = [await keyring.seal(owner, "canary") for owner in owners]
    position = await beginning()
    await run(jobs.back_up)
    [first] = await backups.every()
    for owner in owners[:2]:  # as an erasure and a deletion end
        await keyring.destroy(owner)
    await (run(jobs.back_up) if told_by == "a full backup" else advance(backups.archive(), position))
    name = f"{database.database().name}_restored"
    await backups.restore(name, first.at, silently)
    monkeypatch.setattr(database, "_name", name)
    try:
        assert [await one.text() for one in sealed] == [None, None, "canary"], "before any process serves it"
        monkeypatch.setattr(deletion, "STRAGGLERS", timedelta(0))
        monkeypatch.setattr(erasure, "QUIET", timedelta(0))
        monkeypatch.setenv("GRAPHQL_TIMEOUT_SECONDS", "0.1")
        settings.cache_clear()
        idle.start()
        platform = Actor.platform()
        async with asyncio.timeout(PATIENCE):
            while not await User.lookup(platform, {"erased_at": {"$ne": None}}, _id=erased.id, name="Erased person"):
                await asyncio.sleep(0.05)
            while not await Organization.lookup(platform, _id=gone.id, state=OrganizationState.DELETED.value):
                await asyncio.sleep(0.05)
        assert await User.lookup(platform, _id=other.id, name="Grace")
        assert await Organization.lookup(platform, _id=stays.id, state=OrganizationState.ACTIVE.value)
    finally:
        await idle.stop()
        await database.client().drop_database(name)

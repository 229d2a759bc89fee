"""Backups of the platform: how many are kept, and what a restored copy has to show."""

from collections.abc import Sequence
from datetime import datetime

from bson import ObjectId

from app.core import backups, keyring
from app.core.backups import Announce, Archive, Check, Drilled, Manifest, Restored, Retention, Verified
from app.core.settings import settings
from app.models.orphans import orphans
from app.services.organizations import deletion
from app.services.privacy import erasure


async def create(announce: Announce) -> Manifest:
    """Make a full backup, then forget what need not be kept. Raises BackupError."""
    made = await backups.dump(archive(), announce)
    chosen = settings()
    await backups.forget(archive(), Retention(chosen.backup_daily, chosen.backup_weekly, chosen.backup_monthly))
    return made


async def every() -> list[Manifest]:
    """The full backups there are, the oldest first. Raises BackupError."""
    place = archive()
    return [await Manifest.load(place, name) for name in await backups.finished(place)]


async def restore(target: str | None, at: datetime | None, announce: Announce, base: str | None = None) -> Restored:
    """Restore into an empty database, the platform's own if no other is named. Raises BackupError.

    `base` names the full backup to begin with. Who was erased after the moment is erased again, by the workers.
    """
    name = target or settings().mongodb_database
    return await backups.restore(archive(), name, at, announce, CHECKS, base=base, forget=_forget)


async def _forget(owners: set[str]) -> None:
    for owner in sorted(owners):
        kind, _, id = owner.partition(":")
        await keyring.destroy(owner)
        await (erasure if kind == "u" else deletion).again(ObjectId(id))


async def verify(announce: Announce) -> Verified:
    """Read all that is stored. Raises BackupError."""
    return await backups.verify(archive(), announce)


async def drill(announce: Announce) -> Drilled:
    """Restore the newest backup into a scratch database and check it. Raises BackupError."""
    return await backups.drill(archive(), announce, CHECKS)


async def tenants_exist() -> list[str]:
    """Every tenant's row belongs to an organization that exists."""
    return [
        f"{collection} has rows of {organization_id}, which is no organization, or no more"
        for collection, organization_id in await orphans()
    ]


CHECKS: Sequence[Check] = [tenants_exist]


def archive() -> Archive:
    """Where they are, as the settings say. Raises BackupError."""
    return Archive.of(settings())

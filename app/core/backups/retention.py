"""Which backups are kept: all of the last days, and the first of each of the last weeks and months.

A day may have several: one that was made because the oplog overran the tail is where the segments after it begin.
Segments are kept from the oldest daily one on; a weekly or monthly one older than that restores to its own moment only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.core.backups.archive import Archive
from app.core.backups.manifest import FOLDER, MANIFEST, finished, snapshot_of
from app.core.backups.segments import raise_floor


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many of the last days, weeks and months that have full backups some are kept."""

    daily: int
    weekly: int
    monthly: int

    def kept(self, names: Sequence[str]) -> tuple[set[str], str]:
        """Those of some full backups to keep, and the one from which on every moment can be restored."""
        daily = _first_of_each(names, "%Y-%m-%d", self.daily)
        weekly, monthly = _first_of_each(names, "%G-%V", self.weekly), _first_of_each(names, "%Y-%m", self.monthly)
        return {*weekly, *monthly, *(name for name in names if name >= min(daily))}, min(daily)


async def forget(archive: Archive, retention: Retention) -> int:
    """Delete the full backups that need not be kept, and unfinished ones; answers how many went."""
    names = await finished(archive)
    if not names:
        return 0
    kept, oldest_daily = retention.kept(names)
    await raise_floor(archive, snapshot_of(oldest_daily))
    objects = await archive.names(FOLDER)
    # One without a manifest that is newer than the newest may be in the making.
    gone = {name for name in map(_backup_of, objects) if name not in kept and name < max(names)}
    await archive.delete([f"{FOLDER}{name}/{MANIFEST}" for name in sorted(gone) if name in names])
    await archive.delete([one for one in objects if _backup_of(one) in gone and not one.endswith(f"/{MANIFEST}")])
    return len(gone)


def _backup_of(object: str) -> str:
    return object.split("/")[1]


def _first_of_each(names: Sequence[str], period: str, count: int) -> list[str]:
    """The first backup in each of the last periods that have one."""
    in_period: Callable[[str], str] = lambda name: snapshot_of(name).as_datetime().strftime(period)  # noqa: E731
    first = {in_period(name): name for name in sorted(names, reverse=True)}
    return [first[key] for key in sorted(first, key=lambda key: first[key])[-count:]] if count else []

"""Schedules: the moments of a cron expression in a time zone, and what becomes of those that nobody was there for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

MOST = 1_000
"""Missed ticks that are dealt with at once; the rest follow."""
PUNCTUAL = timedelta(seconds=30)
"""How late a tick may be noticed and still be on time, for schedules whose ticks are not closer than twice this."""


class CatchUp(StrEnum):
    """What becomes of ticks that passed while no worker ran."""

    ALL = "all"
    """Each is run, however late."""
    LAST = "last"
    """One run, for the newest of them."""
    SKIP = "skip"
    """None is run."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One moment of a schedule: the cause of its run."""

    at: datetime

    def key(self) -> str:
        return self.at.isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression, read as Debian's cron does: local times that a change of the clock repeats or skips run once.

    Raises ValueError for what is not one.
    """

    cron: str
    zone: str = "UTC"
    catch_up: CatchUp = CatchUp.LAST
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_zone", ZoneInfo(self.zone))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"“{self.zone}” is not a time zone: use a name such as Europe/Paris") from error
        try:
            next(CronSim(self.cron, datetime.now(UTC)))
        except (CronSimError, StopIteration) as error:
            reason = str(error) or "it never comes"
            raise ValueError(f"“{self.cron}” is not a schedule: {reason}") from error

    def after(self, moment: datetime) -> datetime:
        """The first tick after a moment, in UTC."""
        return next(CronSim(self.cron, moment.astimezone(self._zone))).astimezone(UTC)

    def before(self, moment: datetime) -> datetime:
        """The last tick up to a moment, in UTC."""
        looked = moment.astimezone(self._zone) + timedelta(microseconds=1)  # or a tick at that very moment is left out
        return next(CronSim(self.cron, looked, reverse=True)).astimezone(UTC)

    def missed(self, last: datetime, now: datetime) -> tuple[list[datetime], datetime]:
        """The ticks after `last` and up to `now` that are to be run, and the newest that is dealt with so."""
        newest = self.before(now)
        if newest <= last:
            return [], last
        if self.catch_up is CatchUp.ALL:
            ticks = list(islice(takewhile(lambda tick: tick <= now, self._following(last)), MOST))
            return ticks, ticks[-1] if ticks else last
        late, between = now - newest, self.after(newest) - newest
        if self.catch_up is CatchUp.SKIP and late > min(PUNCTUAL, between / 2):
            return [], newest
        return [newest], newest

    def _following(self, moment: datetime) -> Iterator[datetime]:
        for tick in CronSim(self.cron, moment.astimezone(self._zone)):
            yield tick.astimezone(UTC)

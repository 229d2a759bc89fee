"""Billing periods: counted from an anchor by the clock on a wall in the seller's time zone.

Every boundary is worked out from the anchor, not from the one before: what began on 31 January is renewed on
28 February and again on 31 March, and what began on 29 February on the 28th until there is a 29th again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from app.models import Interval

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment up to another, which is not part of it."""

    starts_at: datetime
    ends_at: datetime

    @property
    def seconds(self) -> int:
        """Its length, a second that has begun being counted."""
        return -((self.starts_at - self.ends_at) // SECOND)

    def days(self, zone: str) -> int:
        """How many days of the calendar begin in it or with it, so that spans that meet add up."""
        at = ZoneInfo(zone)
        return (self.ends_at.astimezone(at).date() - self.starts_at.astimezone(at).date()).days

    def rest(self, moment: datetime) -> "Span":
        """What is left of it at a moment."""
        return Span(min(max(moment, self.starts_at), self.ends_at), self.ends_at)


@dataclass(frozen=True, slots=True)
class Cycle:
    """Periods of so many intervals, by the clock in a time zone; number 0 begins at the anchor."""

    anchor: datetime
    zone: str
    interval: Interval
    count: int

    def boundary(self, number: int) -> datetime:
        """When the period of this number begins, in UTC. An hour that is skipped is taken as the one after it, of an
        hour that comes twice the first. Raises OverflowError beyond the calendar.
        """
        if number == 0:
            return self.anchor.astimezone(UTC)
        steps = number * self.count
        step = {
            Interval.DAY: relativedelta(days=steps),
            Interval.MONTH: relativedelta(months=steps),
            Interval.YEAR: relativedelta(years=steps),
        }[self.interval]
        zone = ZoneInfo(self.zone)
        try:
            wall = self.anchor.astimezone(zone).replace(tzinfo=None, fold=0) + step
            return wall.replace(tzinfo=zone).astimezone(UTC)
        except ValueError as error:
            raise OverflowError("the calendar ends before that") from error

    def period(self, number: int) -> Span:
        return Span(self.boundary(number), self.boundary(number + 1))

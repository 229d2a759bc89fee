"""Calendars: hours of the week as the clock on a wall shows them, with days that are different.

    quiet = Calendar("Europe/Paris", (Hours(4, 1_320, 420),), country="FR", on_holidays=ALL_DAY)
    quiet.covers(moment)        whether the wall clock shows quiet hours then
    quiet.leaves(moment)        when it first shows others

Office hours, quiet hours and sending windows are all of them: a set of hours, and the moments when they begin and end.
An hour that a change of the clock repeats is covered twice, one that it skips never.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

DAY = 24 * 60
MINUTE = timedelta(minutes=1)
HORIZON = timedelta(days=400)
"""How far ahead it is looked for the next change."""


@dataclass(frozen=True, slots=True)
class Hours:
    """An interval of one weekday (0 is Monday) in minutes after midnight; `end` is not part of it.

    One that ends before it begins, or when it begins, goes on after midnight. Raises ValueError.
    """

    weekday: int
    start: int
    end: int

    def __post_init__(self) -> None:
        if not (0 <= self.weekday < 7 and 0 <= self.start < DAY and 0 <= self.end <= DAY):
            raise ValueError("a weekday is 0 to 6, and minutes are 0 to 1440")

    @property
    def span(self) -> tuple[int, int]:
        """From which minute of its day to which, the second maybe of the day after."""
        return self.start, self.end if self.end > self.start else self.end + DAY


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of any day, as of Hours."""

    start: int
    end: int


ALL_DAY = (Span(0, DAY),)


@dataclass(frozen=True)
class Calendar:
    """The hours of a week in a time zone. On `days_off`, and on the public holidays of a country (ISO 3166, such as DE,
    with a part of it DE-BY), those of `on_holidays` take the place of what would begin that day.

    Raises ValueError for a country of which nothing is known.
    """

    zone: str
    hours: tuple[Hours, ...] = ()
    country: str | None = None
    days_off: frozenset[date] = frozenset()
    on_holidays: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if self.country:
            _holidays(self.country)

    def covers(self, moment: datetime) -> bool:
        """Whether the moment is in one of the hours."""
        return self._inside(self._wall(moment))

    def enters(self, moment: datetime) -> datetime | None:
        """The first moment from this on that is in one of the hours; None if there is none within HORIZON."""
        return self._first(moment, covered=True)

    def leaves(self, moment: datetime) -> datetime | None:
        """The first moment from this on that is in none of the hours; None if there is none within HORIZON."""
        return self._first(moment, covered=False)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def _first(self, moment: datetime, *, covered: bool) -> datetime | None:
        at = moment.astimezone(UTC)
        while at < moment + HORIZON:
            if self.covers(at) is covered:
                return at
            at = self._turn(at)
        return None

    def _turn(self, at: datetime) -> datetime:
        """The next moment at which the wall clock passes the end or the beginning of hours, or of a day, or jumps."""
        wall = self._wall(at)
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        ends = [midnight + minute * MINUTE for span in self._near(wall.date()) for minute in span]
        nearest = min(end for end in (*ends, midnight + DAY * MINUTE) if end > wall)
        then = at + (nearest - wall)
        return then if self._wall(then) == nearest else self._jump(at, then)

    def _jump(self, early: datetime, late: datetime) -> datetime:
        """The minute between two moments at which the wall clock jumps."""
        offset = early.astimezone(self._zone).utcoffset()
        low, high = int(early.timestamp() // 60), int(late.timestamp() // 60)
        while high - low > 1:
            middle = (low + high) // 2
            same = datetime.fromtimestamp(middle * 60, self._zone).utcoffset() == offset
            low, high = (middle, high) if same else (low, middle)
        return datetime.fromtimestamp(high * 60, UTC)

    def _wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None, fold=0)

    def _inside(self, wall: datetime) -> bool:
        minute = wall.hour * 60 + wall.minute
        return any(start <= minute < end for start, end in self._near(wall.date()))

    def _near(self, day: date) -> Iterator[tuple[int, int]]:
        """The hours that begin on a day, and those that go on from the day before, in minutes of the day."""
        yield from self._beginning(day)
        yield from ((start - DAY, end - DAY) for start, end in self._beginning(day - timedelta(days=1)) if end > DAY)

    def _beginning(self, day: date) -> Iterator[tuple[int, int]]:
        if day in self.days_off or (self.country and day in _holidays(self.country)):
            yield from (Hours(day.weekday(), span.start, span.end).span for span in self.on_holidays)
        else:
            yield from (hours.span for hours in self.hours if hours.weekday == day.weekday())


@lru_cache(maxsize=500)
def _holidays(country: str) -> Any:
    """The days on which a country, or a part of it, has a public holiday; it grows by the years that are asked for."""
    import holidays  # large, and only for who wants the holidays of a country

    nation, _, part = country.partition("-")
    try:
        return holidays.country_holidays(nation, subdiv=part or None)
    except NotImplementedError as error:
        raise ValueError(f"{country} is no country whose holidays are known") from error

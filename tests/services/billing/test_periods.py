"""Billing periods: the same time of the wall clock, whatever months and clocks do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from app.models import Interval
from app.services.billing.selling.periods import Cycle, Span

ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
MOMENTS = st.integers(946_684_800, 2_524_608_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
CYCLES = st.builds(Cycle, MOMENTS, ZONES, st.sampled_from(Interval), st.integers(1, 12))


def days(cycle: Cycle, count: int) -> list[str]:
    zone = ZoneInfo(cycle.zone)
    return [f"{cycle.boundary(number).astimezone(zone):%m-%d %H:%M}" for number in range(count)]


def test_ends_of_months() -> None:
    cycle = Cycle(datetime(2027, 12, 31, 10, tzinfo=UTC), "UTC", Interval.MONTH, 1)
    assert days(cycle, 5) == ["12-31 10:00", "01-31 10:00", "02-29 10:00", "03-31 10:00", "04-30 10:00"]


def test_leap_days() -> None:
    cycle = Cycle(datetime(2028, 2, 29, tzinfo=UTC), "UTC", Interval.YEAR, 1)
    assert [cycle.boundary(n).date().isoformat() for n in range(5)] == [
        "2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29",
    ]  # fmt: skip


def test_hours_that_are_skipped_and_hours_that_come_twice() -> None:
    spring = Cycle(datetime(2028, 2, 26, 1, 30, tzinfo=UTC), "Europe/Paris", Interval.MONTH, 1)
    assert days(spring, 3) == ["02-26 02:30", "03-26 03:30", "04-26 02:30"]
    autumn = Cycle(datetime(2028, 9, 29, 0, 30, tzinfo=UTC), "Europe/Paris", Interval.MONTH, 1)
    assert [f"{autumn.boundary(n):%m-%d %H:%M}" for n in range(3)] == ["09-29 00:30", "10-29 00:30", "11-29 01:30"]


@given(CYCLES, st.integers(-1, 30))
@example(Cycle(datetime(2028, 10, 29, 1, 30, tzinfo=UTC), "Europe/Paris", Interval.DAY, 1), 0)
def test_periods_follow_each_other_without_gaps(cycle: Cycle, number: int) -> None:
    this, following = cycle.period(number), cycle.period(number + 1)
    assert this.starts_at < this.ends_at == following.starts_at
    assert cycle.boundary(0) == cycle.anchor


@given(CYCLES, st.floats(0, 1), ZONES)
def test_what_is_past_of_a_period_and_what_is_left_are_the_whole(cycle: Cycle, place: float, zone: str) -> None:
    whole = cycle.period(0)
    moment = whole.starts_at + timedelta(seconds=int(whole.seconds * place))
    past, left = Span(whole.starts_at, moment), whole.rest(moment)
    assert past.seconds + left.seconds == whole.seconds
    assert past.days(zone) + left.days(zone) == whole.days(zone)

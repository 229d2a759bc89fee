"""Calendars: what the wall clock shows, on any day, in any zone, whatever happens to the clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.calendars import ALL_DAY, DAY, Calendar, Hours
from tests.factories.calendars import PUBLIC_HOLIDAYS, calendars, moments

MINUTE = timedelta(minutes=1)


def shown(calendar: Calendar, moment: datetime) -> bool:
    """Whether a person who looks at the clock and at the calendar on the wall would say that it is one of the hours."""
    local = moment.astimezone(ZoneInfo(calendar.zone))
    for ago in (0, 1):
        day, minute = local.date() - timedelta(days=ago), local.hour * 60 + local.minute + ago * DAY
        free = day in calendar.days_off or day in PUBLIC_HOLIDAYS[calendar.country]
        spans = (
            [(span.start, span.end) for span in calendar.on_holidays]
            if free
            else [(one.start, one.end) for one in calendar.hours if one.weekday == day.weekday()]
        )
        for start, end in spans:
            if start <= minute < (end if end > start else end + DAY):
                return True
    return False


@settings(max_examples=60, deadline=None)
@given(calendars, moments, st.booleans())
@example(Calendar("Europe/Berlin", (Hours(6, 150, 180),)), datetime(2026, 3, 29, 0, 30, tzinfo=UTC), True)
@example(Calendar("Europe/Berlin", (Hours(6, 195, 200),)), datetime(2026, 3, 29, 0, 30, tzinfo=UTC), True)
@example(Calendar("Europe/Berlin", (Hours(6, 90, 150),)), datetime(2026, 10, 24, 23, 45, tzinfo=UTC), False)
@example(Calendar("UTC", (Hours(3, 60, 60),)), datetime(2026, 1, 1, 1, 0, tzinfo=UTC), False)
def test_the_first_moment_is_found_and_none_before_it(calendar: Calendar, moment: datetime, covered: bool) -> None:
    found = calendar.enters(moment) if covered else calendar.leaves(moment)
    assert calendar.covers(moment) is shown(calendar, moment)
    end = found or moment + timedelta(days=30)
    passed = (end - moment) // MINUTE
    looks = {*range(min(passed, 60)), *range(0, passed, max(17, passed // 100))}
    assert all(shown(calendar, moment + minute * MINUTE) is not covered for minute in looks), "and not earlier"
    if found is not None:
        assert found >= moment
        assert shown(calendar, found) is covered
        assert found == moment or shown(calendar, found - timedelta(microseconds=1)) is not covered


def test_an_hour_that_is_repeated_is_covered_twice_and_one_that_is_skipped_never() -> None:
    every_day = tuple(Hours(weekday, 120, 180) for weekday in range(7))
    berlin = Calendar("Europe/Berlin", every_day)
    autumn = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    assert [berlin.covers(autumn + timedelta(hours=hour)) for hour in range(3)] == [True, True, False]
    spring = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
    assert berlin.enters(spring) == datetime(2026, 3, 30, 0, 0, tzinfo=UTC), "there is no 02:00 on the day between"


def test_holidays_have_hours_of_their_own() -> None:
    office = Calendar("Europe/Berlin", tuple(Hours(weekday, 540, 1_020) for weekday in range(5)), "DE-BY")
    friday = datetime(2026, 12, 24, 16, 0, tzinfo=UTC)
    assert office.enters(friday) == datetime(2026, 12, 28, 8, 0, tzinfo=UTC), "over Christmas and a weekend"
    quiet = Calendar("UTC", (), None, frozenset({date(2026, 1, 2)}), ALL_DAY)
    assert quiet.leaves(datetime(2026, 1, 2, 5, 0, tzinfo=UTC)) == datetime(2026, 1, 3, tzinfo=UTC)
    assert Calendar("UTC", tuple(Hours(day, 0, DAY) for day in range(7))).leaves(friday) is None


def test_a_country_must_be_one() -> None:
    with pytest.raises(ValueError, match="XX is no country"):
        Calendar("UTC", country="XX")

"""Any calendar, and any moment, for properties of both."""

from collections.abc import Container
from datetime import UTC, date, datetime

import holidays
from hypothesis import strategies as st

from app.core.calendars import DAY, Calendar, Hours, Span

YEARS = range(2025, 2029)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca"]
PUBLIC_HOLIDAYS: dict[str | None, Container[date]] = {
    None: (),
    "DE": holidays.country_holidays("DE", years=YEARS),
    "DE-BY": holidays.country_holidays("DE", subdiv="BY", years=YEARS),
    "US": holidays.country_holidays("US", years=YEARS),
}

minutes = st.integers(0, DAY - 1)
hours = st.builds(Hours, st.integers(0, 6), minutes, st.integers(0, DAY))
calendars = st.builds(
    Calendar,
    st.sampled_from(ZONES),
    st.lists(hours, max_size=10).map(tuple),
    st.sampled_from(sorted(PUBLIC_HOLIDAYS, key=str)),
    st.frozensets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=4),
    st.lists(st.builds(Span, minutes, st.integers(0, DAY)), max_size=2).map(tuple),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001

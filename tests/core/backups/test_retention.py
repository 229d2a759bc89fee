from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from bson import Timestamp

from app.core import backups
from app.core.backups import Archive, Retention
from app.core.backups.manifest import FOLDER, Manifest, finished, name_of, snapshot_of
from app.core.backups.progress import silently
from app.core.backups.segments import Run, Segment, floor, raise_floor, stored

FIRST = datetime(2030, 1, 1, 1, 41, tzinfo=UTC)
SET = "5" * 24
WEEK = Retention(daily=7, weekly=4, monthly=6)


def name(at: datetime) -> str:
    return name_of(Timestamp(int(at.timestamp()), 1), at)


def nights(count: int) -> list[str]:
    return [name(FIRST + timedelta(days=day)) for day in range(count)]


def dates(names: set[str]) -> list[str]:
    return sorted(f"{snapshot_of(one).as_datetime():%m-%d}" for one in names)


def test_days_weeks_and_months() -> None:
    kept, oldest_daily = WEEK.kept(nights(100))  # to the 10th of April, a Wednesday
    daily = ["04-04", "04-05", "04-06", "04-07", "04-08", "04-09", "04-10"]
    assert dates(kept) == ["01-01", "02-01", "03-01", "03-18", "03-25", "04-01", *daily]
    assert dates({oldest_daily}) == ["04-04"]


@pytest.mark.parametrize("count", [1, 3, 7])
def test_few_are_all_kept(count: int) -> None:
    assert WEEK.kept(nights(count)) == (set(nights(count)), nights(1)[0])


def test_all_of_the_last_days_stay() -> None:
    """After an overrun the run's own full backup is not the first of its day, and the only one its segments join."""
    day = [name(FIRST + timedelta(hours=hour)) for hour in range(5)]
    assert Retention(1, 0, 0).kept(day) == (set(day), day[0])
    assert Retention(2, 0, 0).kept([*day, *nights(3)[1:]]) == (set(nights(3)[1:]), nights(3)[1])


def test_what_is_kept_tomorrow_is_kept_today() -> None:
    """A night at a time leaves the same as all at once: nothing goes that a later night would have kept."""
    names: list[str] = []
    for night in nights(400):
        names = sorted(WEEK.kept([*names, night])[0])
    assert set(names) == WEEK.kept(nights(400))[0]


async def test_what_is_not_kept_goes_with_its_segments(archive: Archive) -> None:
    for one in nights(10):
        await archive.put(f"{FOLDER}{one}/0001", b"")
        await Manifest(one, archive.database, snapshot_of(one), FIRST, "6", SET, ()).store(archive)
    unfinished, making = (name(FIRST + timedelta(days=days)) for days in (4.5, 11))
    for one in (unfinished, making):
        await archive.put(f"{FOLDER}{one}/0001", b"")
    hours = [Timestamp(int((FIRST + timedelta(hours=6 * n)).timestamp()), 1) for n in range(-2, 40)]
    run = Run.new(hours[0], SET)
    for after, until in pairwise(hours):
        await Segment(run, after, until, 1).store(archive, FIRST, [])
    assert await backups.forget(archive, Retention(3, 0, 0)) == 8
    assert await finished(archive) == nights(10)[-3:]
    oldest = snapshot_of(nights(10)[-3])
    assert await floor(archive) == oldest
    left = await stored(archive)
    assert left[0].after <= oldest < left[0].until
    assert left[-1].until == hours[-1]
    folders = {one.split("/")[1] for one in await archive.names(FOLDER)}
    assert folders == {*nights(10)[-3:], making}
    await archive.delete([left[0].name])
    wrong = (await backups.verify(archive, silently)).wrong
    assert [line for line in wrong if f"before {left[1].name} is missing" in line]
    assert await backups.forget(archive, Retention(3, 0, 0)) == 0


async def test_the_newest_segment_stays_whatever_its_age(archive: Archive) -> None:
    """The tail stood still for days while full backups were made: it goes on from there if the oplog reaches back."""
    run = Run.new(Timestamp(1, 1), SET)
    first, last = Segment(run, Timestamp(1, 1), Timestamp(2, 1), 1), Segment(run, Timestamp(2, 1), Timestamp(3, 1), 1)
    for one in (first, last):
        await one.store(archive, FIRST, [])
    await raise_floor(archive, Timestamp(9, 1))
    assert await stored(archive) == [last]
    await archive.delete([last.name])
    assert await stored(archive) == []

"""Schedules: every tick once, whatever the clock of the wall does and whoever was away."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSim
from pymongo.asynchronous.database import AsyncDatabase

from app.core import clock
from app.core.database import Document
from app.core.jobs import CatchUp, Job, Schedule, Tick, Timekeeper, control, schedule, schedules, timekeeper
from app.core.tasks import end
from tests.core.jobs.tasks import PATIENCE, rows, running, unheard, until

Database = AsyncDatabase[Document]
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def ticks(cron: str, zone: str, first: datetime, count: int) -> list[str]:
    ticking, found = Schedule(cron, zone), [first]
    for _ in range(count):
        found.append(ticking.after(found[-1]))
    return [tick.astimezone(ticking._zone).strftime("%d %H:%M %z") for tick in found[1:]]


def test_a_daily_tick_in_an_hour_that_does_not_exist_comes_when_the_clock_has_gone_forward() -> None:
    saturday = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert ticks("30 2 * * *", "Europe/Paris", saturday, 2) == ["29 03:00 +0200", "30 02:30 +0200"]


def test_a_daily_tick_in_an_hour_that_comes_twice_comes_once() -> None:
    saturday = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert ticks("30 2 * * *", "Europe/Paris", saturday, 2) == ["25 02:30 +0200", "26 02:30 +0100"]


def test_an_hourly_tick_comes_in_each_hour_that_there_is() -> None:
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30, summer time, in Paris
    assert ticks("0 * * * *", "Europe/Paris", before, 3) == ["25 02:00 +0100", "25 03:00 +0100", "25 04:00 +0100"]


@pytest.mark.parametrize(
    ("cron", "zone", "reason"),
    [
        ("every day", "UTC", "“every day” is not a schedule"),
        ("61 * * * *", "UTC", "“61 \\* \\* \\* \\*” is not a schedule: Bad minute"),
        ("0 0 30 2 *", "UTC", "is not a schedule"),
        ("0 0 * * *", "Mars/Base", "“Mars/Base” is not a time zone: use a name such as Europe/Paris"),
        ("0 0 * * *", "../../etc/passwd", "is not a time zone"),
    ],
)
def test_a_schedule_that_does_not_parse_is_refused_when_it_is_declared(cron: str, zone: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        schedule(cron, zone=zone)


@pytest.mark.parametrize(("catch_up", "count"), [(CatchUp.ALL, 10), (CatchUp.LAST, 1), (CatchUp.SKIP, 0)])
def test_r7_what_was_missed_is_caught_up_by_the_schedule_s_own_rule(catch_up: CatchUp, count: int) -> None:
    missed, newest = Schedule("* * * * * *", catch_up=catch_up).missed(NOON, NOON + timedelta(seconds=10.6))
    assert newest == NOON + timedelta(seconds=10)
    assert missed == [NOON + timedelta(seconds=n) for n in range(11 - count, 11)]


def test_a_tick_that_is_noticed_at_once_is_not_missed() -> None:
    for cron, late in (("* * * * * *", 0.4), ("* * * * *", 20)):
        ticking = Schedule(cron, catch_up=CatchUp.SKIP)
        tick = ticking.after(NOON)
        assert ticking.missed(NOON, tick + timedelta(seconds=late)) == ([tick], tick)


def test_years_of_ticks_are_made_good_a_thousand_at_a_time() -> None:
    ticking, late = Schedule("* * * * *", catch_up=CatchUp.ALL), NOON + timedelta(days=800)
    missed, newest = ticking.missed(NOON, late)
    assert len(missed) == 1000
    assert missed[-1] == newest == NOON + timedelta(minutes=1000)
    assert ticking.missed(newest, late)[0][0] == newest + timedelta(minutes=1)


@pytest.mark.parametrize(("catch_up", "count"), [(CatchUp.LAST, 1), (CatchUp.SKIP, 0)])
def test_only_the_newest_of_years_of_ticks_is_looked_for(
    catch_up: CatchUp, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0

    class Counted(CronSim):
        def __next__(self) -> datetime:
            nonlocal looked
            looked += 1
            return super().__next__()

    monkeypatch.setattr(schedules, "CronSim", Counted)
    ticking = Schedule("* * * * * *", catch_up=catch_up)
    missed, newest = ticking.missed(NOON, NOON + timedelta(days=800, seconds=0.6))
    assert (len(missed), newest) == (count, NOON + timedelta(days=800))
    assert looked <= 5


def test_a_tick_at_this_very_moment_has_come() -> None:
    assert Schedule("* * * * *").missed(NOON - timedelta(seconds=1), NOON) == ([NOON], NOON)


@schedule("* * * * * *", catch_up=CatchUp.ALL)
async def beat(job: Job[Tick]) -> dict[str, datetime]:
    return {"at": job.event.at}


async def test_r7_many_timekeepers_run_each_tick_once(empty: Database) -> None:
    start = clock.now().replace(microsecond=0) - timedelta(seconds=30, milliseconds=500)
    await empty.schedules.insert_one({"_id": "beat", "last": start, "paused": False})
    keepers = [Timekeeper([beat], unheard) for _ in range(3)]
    await asyncio.gather(*(keeper.tick() for keeper in keepers for _ in range(3)))
    async with running(beat):
        found = await until("done")
    moments = [row["tick"] for row in found]
    assert len(moments) == len(set(moments)) >= 30
    assert [row["result"]["at"] for row in found] == moments
    assert max(b - a for a, b in zip(sorted(moments), sorted(moments)[1:], strict=False)) == timedelta(seconds=1)


async def test_a_new_schedule_begins_with_the_next_tick(empty: Database) -> None:
    keeper = Timekeeper([beat], unheard)
    assert await keeper.tick() == set()
    assert await rows() == []
    row = await empty.schedules.find_one({"_id": "beat"})
    assert row
    assert row["last"] <= clock.now()


async def test_a_paused_schedule_makes_no_runs_until_it_is_resumed(empty: Database) -> None:
    keeper = Timekeeper([beat], unheard)
    await control.pause_schedule("beat")
    await empty.schedules.update_one({"_id": "beat"}, {"$set": {"last": clock.now() - timedelta(seconds=5)}})
    assert await keeper.tick() == set()
    (shown,) = await control.schedules([beat])
    assert (shown.name, shown.paused, shown.catch_up) == ("beat", True, "all")
    assert shown.next > clock.now() - timedelta(seconds=1)
    await control.resume_schedule("beat")
    assert await keeper.tick() == {"default"}
    assert len(await rows()) >= 5


async def test_ticks_survive_the_death_of_a_timekeeper_between_its_two_writes(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are made before the schedule moves on, so they are made again, and are the same."""
    last = clock.now() - timedelta(seconds=3)
    await empty.schedules.insert_one({"_id": "beat", "last": last, "paused": False})
    await Timekeeper([beat], unheard).tick()
    before = len(await rows())
    await empty.schedules.update_one({"_id": "beat"}, {"$set": {"last": last}})
    await Timekeeper([beat], unheard).tick()
    assert before >= 3
    assert len({row["tick"] for row in await rows()}) == len(await rows())


async def test_ticks_are_dealt_with_only_when_their_runs_are_made(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(rows: Sequence[Document]) -> set[str]:
        raise ConnectionError("the database went")

    await empty.schedules.insert_one({"_id": "beat", "last": clock.now() - timedelta(seconds=3), "paused": False})
    with monkeypatch.context() as patch, pytest.raises(ConnectionError):
        patch.setattr(timekeeper, "put", fail)
        await Timekeeper([beat], unheard).tick()
    await Timekeeper([beat], unheard).tick()
    assert len(await rows()) >= 3


async def test_another_takes_over_when_the_timekeeper_goes(empty: Database) -> None:
    first, second = (asyncio.create_task(Timekeeper([beat], unheard).run()) for _ in range(2))
    async with asyncio.timeout(PATIENCE):
        while not await rows():
            await asyncio.sleep(0.05)
        await end(first)
        made = len(await rows())
        while len(await rows()) < made + 2:
            await asyncio.sleep(0.05)
    await end(second)


async def test_a_run_can_be_asked_for_now(empty: Database) -> None:
    id = await control.run_now(beat)
    async with running(beat):
        assert id in [row["_id"] for row in await until("done")]

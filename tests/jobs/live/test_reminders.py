"""LIVE-2: reminders, each once and at its minute, whatever happens to the clock and however many workers there are."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core import changes, clock
from app.core.actor import Actor
from app.core.database import Document
from app.jobs.live.reminders import remind
from app.models import Answer, AttendeeDocument, CalendarEvent, Frequency
from app.services.live import calendar_events
from app.services.live.calendar_events import NewCalendarEvent, RecurrenceRule
from tests.factories.organizations import make_member, make_owner
from tests.jobs.working import PATIENCE, Worker

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney"]
EVENTS, PEOPLE = 40, 13
"""Each takes place on two days, before and after a change of the clock in Berlin; all come to each."""
BEGIN = datetime(2027, 3, 27, 9, 0)  # noqa: DTZ001 - by the wall clock of each zone
MINUTE = timedelta(minutes=1)
BEFORE = 10 * MINUTE


@pytest.fixture
async def workers(idle: Worker) -> AsyncIterator[list[Worker]]:
    """Three workers that have not started."""
    others = [Worker(idle.office) for _ in range(2)]
    yield [idle, *others]
    for other in others:
        await other.stop()


def starts(zone: str) -> datetime:
    return BEGIN.replace(tzinfo=ZoneInfo(zone))


@changes.atomic
async def come(event: CalendarEvent, people: list[Actor]) -> None:
    rows = [
        AttendeeDocument(
            organization_id=event.organization_id,
            event_id=event.id,
            user_id=person.user_id,
            answer=Answer.YES,
            answered_at=event.created_at,
        )
        for person in people
    ]
    await changes.insert_all(rows)


async def looked(database: AsyncDatabase[Document], tick: datetime, told: int) -> None:
    """Wait until a tick was run, and at least so many have their notification."""
    async with asyncio.timeout(PATIENCE):
        while not await database.jobs.find_one({"type": remind.type, "tick": tick, "state": "done"}):
            await asyncio.sleep(0.02)
        while await database.notifications.count_documents({}) < told:
            await asyncio.sleep(0.02)


async def test_a_thousand_reminders_in_four_zones_over_a_change_of_the_clock(
    workers: list[Worker], empty: AsyncDatabase[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    def at(moment: datetime) -> None:
        monkeypatch.setattr(clock, "source", moment.timestamp)

    at(datetime(2027, 3, 20, tzinfo=UTC))
    owner = await make_owner()
    assert owner.organization_id
    members = [await make_member(owner.organization_id) for _ in range(PEOPLE - 1)]
    for n in range(EVENTS):
        zone = ZONES[n % len(ZONES)]
        new = NewCalendarEvent(
            title=f"Lesson {n}",
            starts_at=starts(zone),
            time_zone=zone,
            minutes=60,
            recurrence=RecurrenceRule(frequency=Frequency.DAILY, count=2),
            reminders=[10],
        )
        event = await calendar_events.schedule(owner, new)
        await come(event, members)
    for worker in workers:
        worker.start(doing=[remind])
    while not await empty.schedules.find_one({"_id": remind.name}):
        await asyncio.sleep(0.02)
    days = (starts(zone) + timedelta(days=day) for zone in ZONES for day in range(2))  # by the clock on the wall
    expected = Counter(day.astimezone(UTC) - BEFORE for day in days for _ in range(EVENTS // len(ZONES) * PEOPLE))
    assert len(expected) == 2 * len(ZONES)
    told = 0
    for minute in sorted(expected):
        at(minute - timedelta(seconds=1))
        await looked(empty, minute - MINUTE, told)
        at(minute + timedelta(seconds=1))
        told += expected[minute]
        await looked(empty, minute, told)
        assert await empty.notifications.count_documents({}) == told, "none is early or comes twice"
    assert told == 2 * EVENTS * PEOPLE > 1_000
    rows = [row async for row in empty.notifications.find({}, {"event_id": 1, "user_id": 1, "created_at": 1})]
    assert Counter(row["created_at"].replace(second=0, microsecond=0) for row in rows) == expected
    assert set(Counter((row["event_id"], row["user_id"]) for row in rows).values()) == {2}
    assert not await empty.calendar_events.find_one({"remind_at": {"$ne": None}}), "nothing is to come"

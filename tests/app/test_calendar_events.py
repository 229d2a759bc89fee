"""LIVE-1: events of the calendar, who comes, and the feed that calendars of people's own follow."""

from typing import Any

import httpx
from icalendar import Calendar

from tests.world import Person, until

EVENT: dict[str, Any] = {
    "title": "Algebra",
    "startsAt": "2998-03-30T09:00:00+02:00",
    "timeZone": "Europe/Paris",
    "minutes": 60,
    "capacity": 2,
    "recurrence": {"frequency": "WEEKLY", "weekdays": [4], "count": 10},
    "reminders": [],
}
"""Every Friday, in summer and in winter."""


async def answered(person: Person, event: str, answer: str) -> str:
    return str((await person.call("answerCalendarEvent", input={"eventId": event, "answer": answer}))["answer"])


async def told(person: Person, kind: str) -> str | None:
    nodes = (await person.call("notifications"))["nodes"]
    return next((one["text"] for one in nodes if one["kind"] == kind), None)


async def test_seats_are_never_more_than_there_are_and_go_to_who_has_waited(company: list[Person]) -> None:
    owner, ada, grace = company
    event = (await owner.call("scheduleCalendarEvent", input=EVENT))["id"]
    assert [await answered(ada, event, "YES"), await answered(grace, event, "YES")] == ["YES", "WAITING"]
    assert await answered(grace, event, "YES") == "WAITING"
    assert await answered(ada, event, "NO") == "NO"
    assert await until(lambda: told(grace, "SEAT")) == "A seat is free at Algebra, and it is yours."
    text = """query($id: ID!) { node(id: $id) { ... on CalendarEvent {
      taken myAnswer occurrences(first: 2) attendees { nodes { user { name } answer } } } } }"""
    seen = (await grace.ask(text, id=event))["node"]
    assert (seen["taken"], seen["myAnswer"]) == (2, "YES")
    assert seen["occurrences"] == ["2998-03-30T07:00:00+00:00", "2998-04-06T07:00:00+00:00"]
    assert {(one["user"]["name"], one["answer"]) for one in seen["attendees"]["nodes"]} == {
        ("Olivia", "YES"), ("Ada", "NO"), ("Grace", "YES"),
    }  # fmt: skip


async def test_a_feed_shows_what_one_goes_to_and_that_it_was_cancelled(company: list[Person]) -> None:
    owner, ada, _ = company
    event = (await owner.call("scheduleCalendarEvent", input=EVENT | {"place": "Room 1"}))["id"]
    await answered(ada, event, "MAYBE")
    old, url = [(await ada.call("renewCalendarFeed"))["url"] for _ in range(2)]
    async with httpx.AsyncClient() as http:
        assert (await http.get(old)).status_code == 404
        response = await http.get(url)
        assert response.headers["content-type"].startswith("text/calendar")
        [entry] = Calendar.from_ical(response.text).walk("VEVENT")
        assert (entry["SUMMARY"], entry["LOCATION"], entry["STATUS"], entry["SEQUENCE"]) == (
            "Algebra", "Room 1", "TENTATIVE", 0,
        )  # fmt: skip
        assert entry["RRULE"].to_ical() == b"FREQ=WEEKLY;COUNT=10;INTERVAL=1;BYDAY=FR"
        assert entry["DTSTART"].params["TZID"] == "Europe/Paris"
        refused = await ada.call("cancelCalendarEvent", input={"eventId": event})
        assert refused["code"] == "FORBIDDEN"
        await owner.call("cancelCalendarEvent", input={"eventId": event})
        [entry] = Calendar.from_ical((await http.get(url)).text).walk("VEVENT")
        assert (entry["STATUS"], entry["SEQUENCE"]) == ("CANCELLED", 1)
    assert await until(lambda: told(ada, "CANCELLATION")) == "Algebra does not take place."
    late = await ada.call("answerCalendarEvent", input={"eventId": event, "answer": "YES"})
    assert late["code"] == "EVENT_CANCELLED"


async def test_what_cannot_take_place_is_not_scheduled(company: list[Person]) -> None:
    owner, *_ = company
    for change, code in (
        ({"startsAt": "2020-01-03T09:00:00Z", "recurrence": None}, "ALREADY_OVER"),
        ({"recurrence": {"frequency": "WEEKLY", "weekdays": [0]}}, "INVALID"),
        ({"recurrence": {"frequency": "DAILY", "weekdays": [4]}}, "INVALID"),
        ({"startsAt": "2998-03-30T09:00:00"}, "INVALID"),
    ):
        assert (await owner.call("scheduleCalendarEvent", input=EVENT | change))["code"] == code


async def test_a_moment_without_a_zone_is_one_of_utc(company: list[Person]) -> None:
    owner, *_ = company
    await owner.call("scheduleCalendarEvent", input=EVENT)
    text = """{ calendarEvents(first: 1) { nodes {
      bare: occurrences(first: 1, since: "2999-01-01T00:00:00")
      utc: occurrences(first: 1, since: "2999-01-01T00:00:00Z") } }
      previewDelivery(kind: MENTION, at: "2999-01-01T00:00:00") { at } }"""
    found = await owner.ask(text)
    [event] = found["calendarEvents"]["nodes"]
    assert event["bare"] == event["utc"]
    assert {one["at"] for one in found["previewDelivery"]} <= {None, "2999-01-01T00:00:00+00:00"}

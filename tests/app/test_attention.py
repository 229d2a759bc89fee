"""NTF-6: what people and organizations choose, and when, where and why somebody would be told."""

from tests.world import Person

CHOICE = {"kind": "MENTION", "channel": "EMAIL"}
PREVIEW = """query($userId: ID, $at: DateTime) { previewDelivery(kind: MENTION, userId: $userId, at: $at) {
  channel outcome at reasons } }"""


async def preview(person: Person, about: Person | None = None, at: str = "2026-06-05T20:30:00Z") -> dict[str, object]:
    """What would become of a mention by e-mail."""
    found = (await person.ask(PREVIEW, userId=about and about.id, at=at))["previewDelivery"]
    [mail] = [one for one in found if one["channel"] == "EMAIL"]
    return dict(mail)


async def test_a_preview_tells_when_where_and_why(company: list[Person]) -> None:
    owner, ada, grace = company
    assert (await preview(ada))["outcome"] == "NEVER"
    daily = {"choices": [{**CHOICE, "mode": "DAILY"}]}
    await owner.call("updateNotificationDefaults", input=daily)
    assert await preview(ada) == {
        "channel": "EMAIL",
        "outcome": "DIGEST",
        "at": "2026-06-06T08:00:00+00:00",
        "reasons": ["The organization has chosen it."],
    }
    await ada.call("updateProfile", input={"timeZone": "Europe/Paris"})
    mine = await ada.call(
        "updateNotificationPreferences",
        input={
            "choices": [{**CHOICE, "mode": "IMMEDIATE"}],
            "quietHours": [{"weekday": "FRIDAY", "start": "22:00", "end": "07:00"}],
            "country": "FR",
            "digestAt": "07:30",
        },
    )
    assert mine["quietHours"] == [{"__typename": "QuietHours", "weekday": "FRIDAY", "start": "22:00", "end": "07:00"}]
    assert (
        await preview(ada)
        == await preview(owner, ada)
        == {
            "channel": "EMAIL",
            "outcome": "LATER",
            "at": "2026-06-06T05:00:00+00:00",
            "reasons": ["The person has chosen it.", "It waits until quiet hours are over."],
        }
    )
    holiday = await preview(ada, at="2026-07-14T10:00:00Z")
    assert (holiday["outcome"], holiday["at"]) == ("LATER", "2026-07-14T22:00:00+00:00")
    assert await grace.code(PREVIEW, userId=ada.id) == "FORBIDDEN"
    assert (await preview(ada, at="9000-12-31T23:59:59Z"))["outcome"] in ("NOW", "LATER")
    for edge in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert await ada.code(PREVIEW, at=edge) == "INVALID", "no zone has a name for it"


async def test_a_choice_can_be_taken_back_and_hours_must_leave_some(company: list[Person]) -> None:
    _, ada, _ = company
    for mode, shown in (("OFF", "OFF"), (None, "OFF"), ("WEEKLY", "WEEKLY"), (None, "OFF")):
        settings = (await ada.call("updateNotificationPreferences", input={"choices": [{**CHOICE, "mode": mode}]}))[
            "settings"
        ]
        assert [one["mode"] for one in settings if CHOICE.items() <= one.items()] == [shown]
    week = [{"weekday": day, "start": "00:00", "end": "00:00"} for day in WEEKDAYS]
    for given in ({"quietHours": week}, {"country": "XX"}, {"daysOff": ["2026-02-30"]}, {"digestAt": "25:00"}):
        assert (await ada.call("updateNotificationPreferences", input=given))["code"] == "INVALID", given
    late = await ada.call("updateNotificationPreferences", input={"dailyCap": 3, "expectedVersion": 1})
    assert late["code"] == "VERSION_CONFLICT"


WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")

"""One call of every root field about how people are told of things, and about events of the calendar."""

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.app.accounts import given, nothing, page

if TYPE_CHECKING:
    from tests.app.scenes import Scene

Arguments = dict[str, Any]

EVENT: Arguments = {
    "title": "Lesson",
    "startsAt": "2999-03-29T09:00:00+02:00",
    "timeZone": "Europe/Paris",
    "minutes": 60,
    "capacity": 2,
    "recurrence": {"frequency": "WEEKLY", "interval": 2, "weekdays": [4], "count": 3},
    "reminders": [60],
}
P256DH = "BLIUkRzD0HEvHPGqKeGrY1qJPVhkg3S1Fh1Fq1bjZ8bB1tTtRzJmTrJrYyT2aZzYqYv8z1mJ8T7gT3j3yM2wJmE"
ADDRESSES = {
    "notificationAddresses",
    "addAppAddress",
    "addBrowserAddress",
    "addChatAddress",
    "removeNotificationAddress",
}
"""Who asks these works nowhere: nothing is ever sent to the addresses."""
CHOICES = [{"kind": "MENTION", "channel": "EMAIL", "mode": "DAILY"}]

CALLS: Mapping[str, Callable[["Scene"], Arguments]] = {
    "notifications": page,
    "unreadNotificationCount": nothing,
    "notificationCursor": nothing,
    "markNotificationsRead": given(ids=lambda s: [s.notification]),
    "archiveNotifications": given(ids=lambda s: [s.notification]),
    "notificationEvents": nothing,
    "notificationPreferences": nothing,
    "notificationDefaults": nothing,
    "previewDelivery": lambda _: {"kind": "MENTION", "at": "2026-06-01T12:00:00Z"},
    "updateNotificationPreferences": given(
        choices=lambda _: CHOICES,
        quietHours=lambda _: [{"weekday": "FRIDAY", "start": "22:00", "end": "07:00"}],
        country=lambda _: "DE-BY",
        daysOff=lambda _: ["2026-12-31"],
        digestAt=lambda _: "07:30",
        digestWeekday=lambda _: "TUESDAY",
        dailyCap=lambda _: 20,
    ),
    "updateNotificationDefaults": given(choices=lambda _: CHOICES),
    "notificationAddresses": page,
    "webPushKey": nothing,
    "addAppAddress": given(fid=lambda _: secrets.token_hex(11), label=lambda _: "New"),
    "addBrowserAddress": given(
        endpoint=lambda _: f"https://192.0.2.1/{secrets.token_hex(8)}",
        p256dh=lambda _: P256DH,
        auth=lambda _: "A" * 22,
        label=lambda _: "New",
    ),
    "addChatAddress": given(
        tool=lambda _: "TEAMS", url=lambda _: f"https://192.0.2.1/{secrets.token_hex(8)}", label=lambda _: "New"
    ),
    "removeNotificationAddress": given(addressId=lambda s: s.address),
    "calendarEvents": page,
    "scheduleCalendarEvent": given(**{name: lambda _, value=value: value for name, value in EVENT.items()}),
    "cancelCalendarEvent": given(eventId=lambda s: s.event),
    "answerCalendarEvent": given(eventId=lambda s: s.event, answer=lambda _: "YES"),
    "renewCalendarFeed": nothing,
}
"""The arguments with which the caller of a scene can ask each of them; mutations succeed."""

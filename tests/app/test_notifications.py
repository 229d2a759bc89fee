"""NTF-1: notifications as a client meets them."""

from email.message import EmailMessage
from typing import Any

import httpx

from tests.world import Data, Live, Person, until

LIST = """query($first: Int = 20, $unreadOnly: Boolean = false, $archived: Boolean = false) {
  unreadNotificationCount
  notifications(first: $first, unreadOnly: $unreadOnly, archived: $archived) {
    nodes { id kind text actor { name } conversation { id title } message { text } readAt }
  }
}"""
CURSOR = "{ notificationCursor }"
EVENTS = """subscription($after: String) { notificationEvents(after: $after) {
  __typename cursor at
  ... on NotificationCreated { notification { id kind text } }
  ... on NotificationsRead { all ids }
  ... on NotificationsArchived { ids }
} }"""


async def listed(person: Person, **variables: Any) -> list[Data]:
    return list((await person.ask(LIST, **variables))["notifications"]["nodes"])


async def following(socket: Live) -> Data:
    """The next event of EVENTS."""
    return dict((await socket.next())["notificationEvents"])


async def test_a_mention_and_a_reply_arrive_and_are_listed(company: list[Person]) -> None:
    owner, ada, grace = company
    cursor = (await grace.ask(CURSOR))["notificationCursor"]
    conversation = await owner.start(ada, grace, title="Launch")
    async with grace.live() as socket:
        await socket.subscribe(EVENTS, after=cursor)
        said = await owner.send(conversation, "Grace, look!", mentionIds=[grace.id])
        event = await following(socket)
        assert event["__typename"] == "NotificationCreated"
        assert event["notification"]["text"] == "Grace, look!"
        question = await grace.send(conversation, "At what?")
        await ada.send(conversation, "At this.", replyToId=question["id"])
        reply = await following(socket)
        assert reply["notification"]["kind"] == "REPLY"
    first, second = (await listed(grace))[:2]
    assert first["text"] == "At this."
    assert second == {
        "id": event["notification"]["id"],
        "kind": "MENTION",
        "text": "Grace, look!",
        "actor": {"name": "Olivia"},
        "conversation": {"id": conversation, "title": "Launch"},
        "message": {"text": said["text"]},
        "readAt": None,
    }


async def test_a_subscriber_goes_on_where_they_were(company: list[Person]) -> None:
    """Nothing is missed and nothing comes twice: what happened while the socket was away is told first."""
    owner, ada, _ = company
    conversation = await owner.start(ada)
    cursor = (await ada.ask(CURSOR))["notificationCursor"]
    for n in range(5):
        await owner.send(conversation, f"Ada {n}", mentionIds=[ada.id])
    heard: list[str] = []
    while len(heard) < 5:
        async with ada.live() as socket:
            await socket.subscribe(EVENTS, after=cursor)
            for _ in range(2):
                event = await following(socket)
                heard.append(event["notification"]["text"])
                cursor = event["cursor"]
                if len(heard) == 5:
                    break
    assert heard == [f"Ada {n}" for n in range(5)]


async def test_reading_and_putting_away_are_told_and_counted(company: list[Person]) -> None:
    owner, ada, _ = company
    conversation = await owner.start(ada)
    for n in range(3):
        await owner.send(conversation, f"Ada {n}", mentionIds=[ada.id])
    newest = await until(lambda: _all(ada, 3))
    cursor = (await ada.ask(CURSOR))["notificationCursor"]
    ids = [one["id"] for one in newest]
    async with ada.live() as socket:
        await socket.subscribe(EVENTS, after=cursor)
        marked = await ada.call("markNotificationsRead", input={"ids": ids[:1]})
        assert (marked["changed"], marked["unread"]) == (1, 2)
        while (event := await following(socket))["__typename"] == "NotificationCreated":
            pass  # a place in the log is from before what is listed
        assert (event["__typename"], event["ids"]) == ("NotificationsRead", ids[:1])
        assert (await ada.call("markNotificationsRead", input={}))["unread"] == 0
        assert (await following(socket))["all"]
        assert (await ada.call("archiveNotifications", input={"ids": ids[1:]}))["changed"] == 2
        event = await following(socket)
        assert (event["__typename"], event["ids"]) == ("NotificationsArchived", ids[1:])
    assert [one["id"] for one in await listed(ada)][:1] == ids[:1]
    assert {one["id"] for one in await listed(ada, archived=True)} >= set(ids[1:])
    assert await listed(ada, unreadOnly=True) == []


async def test_notifications_are_ones_own(company: list[Person], strangers: list[Person]) -> None:
    owner, ada, grace = company
    conversation = await owner.start(ada, grace)
    await owner.send(conversation, "Ada?", mentionIds=[ada.id])
    (one, *_) = await until(lambda: _all(ada, 1))
    for other in (grace, strangers[0]):
        assert one["id"] not in [found["id"] for found in await listed(other)]
        for verb in ("markNotificationsRead", "archiveNotifications"):
            refused = await other.call(verb, input={"ids": [one["id"]]})
            assert (refused["__typename"], refused["path"]) == ("NotFoundError", ["input", "ids", "0"])
    cursor = (await grace.ask(CURSOR))["notificationCursor"]
    async with ada.live() as socket:
        await socket.subscribe(EVENTS, after=cursor)
        refused = await socket.receive()
        (error,) = refused["payload"]["errors"]
        assert error["extensions"]["code"] == "BAD_CURSOR"


async def test_who_left_sees_what_they_were_told_but_not_the_conversation(company: list[Person]) -> None:
    owner, ada, grace = company
    conversation = await owner.start(ada, grace, title="Launch")
    await owner.send(conversation, "Ada?", mentionIds=[ada.id])
    await until(lambda: _all(ada, 1))
    await ada.call("removeConversationMember", input={"conversationId": conversation, "userId": ada.id})
    (one, *_) = await listed(ada)
    assert (one["text"], one["conversation"], one["message"]) == ("Ada?", None, None)


async def test_bad_input_is_refused_in_words(company: list[Person]) -> None:
    _, ada, _ = company
    cases = {
        "wrong type": (["User_" + "0" * 24], "NotFoundError"),
        "garbage": (["x"], "NotFoundError"),
        "none": ([], "InvalidError"),
        "too many": (["Notification_" + "0" * 24] * 101, "InvalidError"),
    }
    for ids, kind in cases.values():
        assert (await ada.call("archiveNotifications", input={"ids": ids}))["__typename"] == kind
    assert "notifications" in (await ada.answer("{ notifications(first: 1000) { nodes { id } } }"))["errors"][0]["path"]


async def _all(person: Person, count: int) -> list[Data]:
    found = await listed(person, first=count)
    return found if len(found) == count else []


async def test_one_click_in_an_e_mail_ends_those_of_its_kind(company: list[Person]) -> None:
    owner, ada, _ = company
    await ada.call("updateNotificationPreferences", input={"choices": [{**MENTION, "mode": "IMMEDIATE"}]})
    conversation = await owner.start(ada, title="Launch")

    async def mailed(text: str) -> EmailMessage:
        await owner.send(conversation, text, mentionIds=[ada.id])
        found: EmailMessage = await until(lambda: _mail_with(ada, text))
        return found

    mail = await mailed("Do you read e-mails?")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["List-Unsubscribe"].strip("<>")
    async with httpx.AsyncClient() as browser:
        assert ada.email in (await browser.get(link)).text
        assert await _mode(ada) == "IMMEDIATE", "a link that is only looked at does nothing"
        assert (await browser.post(link, data={"List-Unsubscribe": "One-Click"})).status_code == 200
        assert (await browser.post(link[:-3] + "AAA")).status_code == 404
    assert await _mode(ada) == "OFF"
    await ada.call("updateNotificationPreferences", input={"choices": [{**MENTION, "mode": None}]})


MENTION = {"kind": "MENTION", "channel": "EMAIL"}


async def _mail_with(person: Person, text: str) -> EmailMessage | None:
    assert person.world.office
    found = [mail for mail in person.world.office.to(person.email) if text in str(mail)]
    return found[0] if found else None


async def _mode(person: Person) -> str:
    settings = (await person.call("notificationPreferences"))["settings"]
    return str(next(one["mode"] for one in settings if MENTION.items() <= one.items()))

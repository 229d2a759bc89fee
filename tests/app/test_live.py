"""MSG-3: a conversation, live end to end."""

import asyncio

import pytest

from tests.world import Live, Person, World

ECHO = 0.3
"""Seconds in which what must not come would have come."""


async def test_a_message_arrives(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    async with grace.live() as socket:
        await _follow(grace, socket, conversation)
        sent = await ada.send(conversation, "Hello 👋")
        event = await socket.event("MessageSent")
        assert event["message"]["id"] == sent["id"]
        assert event["message"]["text"] == "Hello 👋"
        assert event["message"]["sender"]["name"] == "Ada"


async def test_a_message_arrives_from_another_process(company: list[Person], twin: World) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    elsewhere = Person(twin, ada.name, ada.email, ada.id, ada.token)
    async with grace.live() as socket:
        await _follow(grace, socket, conversation)
        sent = await elsewhere.send(conversation, "from the other process")
        assert (await socket.event("MessageSent"))["message"]["id"] == sent["id"]


async def test_without_a_cursor_one_hears_from_now_on(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    async with ada.live() as early, grace.live() as socket:
        await _follow(ada, early, conversation)
        await ada.send(conversation, "before")
        await early.event("MessageSent")  # the process has heard of it
        await socket.follow("conversationEvents", conversationId=conversation)
        sending = asyncio.create_task(_keep_sending(ada, conversation))
        assert (await socket.event("MessageSent"))["message"]["text"] == "after"
        sending.cancel()


async def test_nothing_is_missed_or_repeated_after_a_reconnection(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    async with grace.live() as socket:
        await _follow(grace, socket, conversation)
        await ada.send(conversation, "first")
        cursor = (await socket.event("MessageSent"))["cursor"]
    away = [await ada.send(conversation, f"{number}") for number in range(30)]
    async with grace.live() as socket:
        await socket.follow("conversationEvents", conversationId=conversation, after=cursor)
        heard = [(await socket.event())["message"]["id"] for _ in away]
        assert heard == [message["id"] for message in away]
        assert await socket.silent(ECHO)


async def test_a_subscription_from_a_snapshot_has_no_seam(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    for _ in range(5):
        snapshot = await grace.call("conversation", id=conversation)
        known = [message["id"] for message in snapshot["messages"]["nodes"]]
        sent = await ada.send(conversation, "after the snapshot")  # and before the subscription
        async with grace.live() as socket:
            await socket.follow("conversationEvents", conversationId=conversation, after=snapshot["cursor"])
            heard = (await socket.event("MessageSent"))["message"]["id"]
            while heard in known:  # what the snapshot shows already may be told again
                heard = (await socket.event("MessageSent"))["message"]["id"]
            assert heard == sent["id"]


async def test_who_is_taken_out_hears_it_and_nothing_after(company: list[Person]) -> None:
    olivia, ada, grace = company
    conversation = await olivia.start(ada, grace)
    async with grace.live() as socket, ada.live() as other:
        await _follow(grace, socket, conversation)
        await _follow(ada, other, conversation)
        await olivia.call("removeConversationMember", input={"conversationId": conversation, "userId": grace.id})
        await olivia.send(conversation, "without Grace")
        assert (await socket.event("ParticipantLeft"))["user"]["id"] == grace.id
        assert (await socket.receive())["type"] == "complete"
        assert (await other.event("MessageSent"))["message"]["text"] == "without Grace"


@pytest.mark.parametrize("subscriber", ["Mallory", "Edsger"])
async def test_only_members_can_listen(
    company: list[Person], strangers: list[Person], people: list[Person], subscriber: str
) -> None:
    conversation = await company[0].start(company[1])
    outsider = strangers[0] if subscriber == "Mallory" else people[3]
    async with outsider.live() as socket:
        await socket.follow("conversationEvents", conversationId=conversation)
        assert await socket.refusal() in ("NOT_FOUND", "NO_ORGANIZATION")


async def _follow(person: Person, socket: Live, conversation: str) -> None:
    cursor = (await person.call("conversation", id=conversation))["cursor"]
    await socket.follow("conversationEvents", conversationId=conversation, after=cursor)


async def _keep_sending(person: Person, conversation: str) -> None:
    while True:
        await person.send(conversation, "after")
        await asyncio.sleep(0.1)

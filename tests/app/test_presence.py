"""MSG-4 and MSG-5 as clients see them, through two API processes."""

import pytest

from tests.world import Data, Live, Person, World, until


async def test_presence_is_followed_from_another_process(company: list[Person], twin: World) -> None:
    _, ada, grace = company
    elsewhere = await ada.again(twin)
    async with grace.live() as follower:
        await follower.follow("presence", userIds=[ada.id])
        await _until_status(follower, "OFFLINE")
        async with elsewhere.live():
            online = await _until_status(follower, "ONLINE")
            assert online["user"]["name"] == "Ada"
            assert online["lastSeenAt"] is None
            answered = await elsewhere.call("setPresence", input={"status": "AWAY"})
            assert answered["status"] == "AWAY"
            await _until_status(follower, "AWAY")
            await elsewhere.call("setPresence", input={"status": "ONLINE"})
            await _until_status(follower, "ONLINE")
        assert (await _until_status(follower, "OFFLINE"))["lastSeenAt"]


async def test_a_conversation_tells_who_of_its_participants_is_here(company: list[Person]) -> None:
    _, ada, grace = company
    id = await ada.start(grace)
    query = "query ($id: ID!) { conversation(id: $id) { participants { user { id } presence { status } } } }"

    async def here() -> bool:
        sides = (await ada.ask(query, id=id))["conversation"]["participants"]
        return [side["presence"]["status"] for side in sides if side["user"]["id"] == grace.id] == ["ONLINE"]

    async with grace.live():
        await until(here)


async def test_strangers_and_too_many_cannot_be_followed(company: list[Person], strangers: list[Person]) -> None:
    _, ada, _ = company
    cases = {strangers[0].id: "NOT_FOUND", "Conversation_" + ada.id.partition("_")[2]: "NOT_FOUND", "x": "NOT_FOUND"}
    for id, code in cases.items():
        async with ada.live() as socket:
            await socket.follow("presence", userIds=[ada.id, id])
            assert await socket.refusal() == code
    for count in (0, 201):
        async with ada.live() as socket:
            await socket.follow("presence", userIds=[ada.id] * count)
            assert await socket.refusal() == "INVALID"


async def test_typing_is_seen_by_the_others_only(company: list[Person], twin: World) -> None:
    olivia, ada, grace = company
    conversation = await olivia.start(ada, grace)
    elsewhere = await ada.again(twin)
    async with grace.live() as others, ada.live() as own:
        for socket, person in ((others, grace), (own, ada)):
            await _listening(socket, person, conversation)
        await elsewhere.call("setTyping", input={"conversationId": conversation, "typing": True})
        event = await others.event("TypingChanged")
        assert (event["user"]["name"], event["typing"], event["cursor"]) == ("Ada", True, None)
        await elsewhere.call("setTyping", input={"conversationId": conversation, "typing": False})
        assert not (await others.event("TypingChanged"))["typing"]
        sent = await ada.send(conversation, "Done.")
        assert (await own.event("TypingChanged", "MessageSent"))["message"]["id"] == sent["id"]


async def test_nobody_types_in_a_conversation_of_others(company: list[Person], strangers: list[Person]) -> None:
    olivia, ada, grace = company
    conversation = await olivia.start(ada)
    for outsider in (grace, strangers[0]):
        refused = await outsider.call("setTyping", input={"conversationId": conversation, "typing": True})
        assert (refused["__typename"], refused["code"]) == ("NotFoundError", "NOT_FOUND")


@pytest.mark.parametrize("status", ["OFFLINE", "here"])
async def test_one_can_only_choose_to_be_online_or_away(company: list[Person], status: str) -> None:
    answer = await company[0].answer(f"mutation {{ setPresence(input: {{status: {status}}}) {{ __typename }} }}")
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def _until_status(socket: Live, status: str) -> Data:
    while (seen := await socket.event())["status"] != status:
        pass
    return seen


async def _listening(socket: Live, person: Person, conversation: str) -> None:
    """Follow the conversation; what happens from now on is heard."""
    cursor = (await person.call("conversation", id=conversation))["cursor"]
    await socket.follow("conversationEvents", conversationId=conversation, after=cursor)
    await person.send(conversation, "I listen.")
    await socket.event("MessageSent")

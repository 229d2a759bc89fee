"""MSG-3: a conversation, live end to end."""

from tests.world import Live, Person

EVENTS = """subscription($id: ID!, $after: String) { conversationEvents(conversationId: $id, after: $after) {
  __typename cursor at
  ... on MessageSent { message { id text sender { name } } }
  ... on MessageEdited { message { text version } }
  ... on ConversationRead { user { name } message { id } }
  ... on ParticipantLeft { user { name } }
  ... on TypingChanged { user { name } typing }
} }"""


async def test_a_message_arrives(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    async with grace.live() as socket:
        await socket.subscribe(EVENTS, id=conversation)
        first = None
        while first is None:  # what is sent before the subscription stands is not in it
            sent = await ada.send(conversation, "Hello 👋")
            try:
                first = (await socket.next(1))["conversationEvents"]
            except TimeoutError:
                continue
        assert first["__typename"] == "MessageSent"
        assert first["message"] == {"id": sent["id"], "text": "Hello 👋", "sender": {"name": "Ada"}}


async def test_nothing_is_missed_or_repeated_after_a_reconnection(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    async with grace.live() as socket:
        await socket.subscribe(EVENTS, id=conversation)
        while True:
            await ada.send(conversation, "first")
            try:
                cursor = (await socket.next(1))["conversationEvents"]["cursor"]
                break
            except TimeoutError:
                continue
    away = [await ada.send(conversation, f"{number}") for number in range(30)]
    async with grace.live() as socket:
        await socket.subscribe(EVENTS, id=conversation, after=cursor)
        heard = [(await socket.next())["conversationEvents"]["message"]["id"] for _ in away]
        assert heard == [message["id"] for message in away]
        assert await socket.silent(0.5)


async def test_a_subscription_from_a_snapshot_has_no_seam(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    snapshot = "query($id: ID!) { conversation(id: $id) { cursor messages { nodes { id } } } }"
    for _ in range(5):
        state = (await grace.ask(snapshot, id=conversation))["conversation"]
        sent = await ada.send(conversation, "after the snapshot")  # and before the subscription
        known = [node["id"] for node in state["messages"]["nodes"]]
        async with grace.live() as socket:
            await socket.subscribe(EVENTS, id=conversation, after=state["cursor"])
            heard = await following(socket)
            while heard is None or heard in known:  # what the snapshot shows already may be told again
                heard = await following(socket)
            assert heard == sent["id"]


async def following(socket: Live) -> str | None:
    """The id of the message in the next event, if there is one."""
    event = (await socket.next())["conversationEvents"]
    message = event.get("message")
    return message["id"] if message else None

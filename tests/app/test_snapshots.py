"""R34: a snapshot and the events after its cursor come to what a fresh snapshot shows, for every type of event."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from app.core.changes.log import LOG, SEQUENCER
from app.schema.messaging.events import EVENTS, TypingChanged
from tests.world import Live, Person, World

MESSAGE = "id text editedAt deletedAt version sender { id } mentions { id } reactions { emoji count mine }"
PARTICIPANTS = "participants { role user { id } readUpTo { id } }"
SNAPSHOT = f"""query($id: ID!) {{ conversation(id: $id) {{ cursor title version {PARTICIPANTS}
  messages(first: 100) {{ nodes {{ {MESSAGE} }} }} }} }}"""
FOLLOW = f"""subscription($id: ID!, $after: String) {{ conversationEvents(conversationId: $id, after: $after) {{
  __typename cursor
  ... on MessageSent {{ message {{ {MESSAGE} }} }}
  ... on MessageEdited {{ message {{ {MESSAGE} }} }}
  ... on MessageDeleted {{ message {{ {MESSAGE} }} }}
  ... on ReactionsChanged {{ message {{ {MESSAGE} }} }}
  ... on ConversationRead {{ user {{ id }} message {{ id }} }}
  ... on ConversationChanged {{ conversation {{ title version {PARTICIPANTS} }} }}
  ... on ParticipantJoined {{ user {{ id }} }}
  ... on ParticipantLeft {{ user {{ id }} }}
}} }}"""


class State(dict[str, Any]):
    """What a client shows of a conversation. Where in the log it was read makes no difference to what it shows."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and {**self, "cursor": None} == {**other, "cursor": None}


class Group:
    """Olivia's group with Ada, in which Ada has written; Grace is not in it."""

    def __init__(self, company: list[Person], id: str, message: str) -> None:
        self.olivia, self.ada, self.grace = company
        self.id, self.message = id, message


@pytest.fixture
async def group(company: list[Person]) -> Group:
    olivia, ada, _ = company
    id = await olivia.start(ada, title="Plans")
    return Group(company, id, (await ada.send(id, "first"))["id"])


async def _change_the_title(group: Group) -> None:
    await group.olivia.call("updateConversation", input={"conversationId": group.id, "title": "Other plans"})


async def _let_in(group: Group) -> None:
    await group.olivia.call("addConversationMembers", input={"conversationId": group.id, "memberIds": [group.grace.id]})


async def _let_in_and_out(group: Group) -> None:
    await _let_in(group)
    given = {"conversationId": group.id, "userId": group.grace.id}
    await group.olivia.call("removeConversationMember", input=given)


async def _on_message(group: Group, mutation: str, **more: str) -> None:
    await group.ada.call(mutation, input={"messageId": group.message, **more})


HAPPENS: dict[str, Callable[[Group], Awaitable[Any]]] = {
    "MessageSent": lambda group: group.ada.send(group.id, "second", mentionIds=[group.olivia.id]),
    "MessageEdited": lambda group: _on_message(group, "editMessage", text="edited"),
    "MessageDeleted": lambda group: _on_message(group, "deleteMessage"),
    "ReactionsChanged": lambda group: _on_message(group, "addReaction", emoji="👍"),
    "ConversationRead": lambda group: group.olivia.call("markRead", input={"conversationId": group.id}),
    "ConversationChanged": _change_the_title,
    "ParticipantJoined": _let_in,
    "ParticipantLeft": _let_in_and_out,
}


def test_every_type_of_event_is_here() -> None:
    kept = [kind.__name__ for kind in EVENTS if kind is not TypingChanged]  # which no snapshot shows
    assert sorted(HAPPENS) == sorted(kept)


@pytest.mark.parametrize("kind", HAPPENS)
async def test_a_snapshot_and_what_follows_make_a_fresh_snapshot(group: Group, kind: str) -> None:
    state = await _snapshot(group.ada, group.id)
    await HAPPENS[kind](group)
    assert kind in await _catch_up(group.ada, group.id, state)
    assert state == await _snapshot(group.ada, group.id)


async def test_when_an_owner_leaves_the_heir_is_told(group: Group) -> None:
    await _let_in(group)
    state = await _snapshot(group.grace, group.id)
    given = {"conversationId": group.id, "userId": group.olivia.id}
    await group.olivia.call("removeConversationMember", input=given)
    await _catch_up(group.grace, group.id, state)
    assert state == await _snapshot(group.grace, group.id)
    assert "OWNER" in [side["role"] for side in state["participants"].values()]


async def test_after_an_expired_cursor_a_snapshot_and_its_tail_are_the_truth(
    group: Group, store: AsyncDatabase[dict[str, Any]]
) -> None:
    old = await _snapshot(group.ada, group.id)
    await _let_in(group)
    await _catch_up(group.ada, group.id, State(old, messages={}))  # from here on this process has heard of it
    newest = await store[LOG].find_one({}, sort=[("_id", -1)])
    assert newest
    await store[SEQUENCER].update_one({"_id": LOG}, {"$max": {"floor": newest["_id"]}})  # as trimming does
    assert await _refusal(group.ada, group.id, old["cursor"]) == "RESYNC_REQUIRED"
    state = await _snapshot(group.ada, group.id)
    await _change_the_title(group)
    await _catch_up(group.ada, group.id, state)
    assert state == await _snapshot(group.ada, group.id)


async def test_a_cursor_fits_its_own_feed_only(group: Group, strangers: list[Person]) -> None:
    own = (await _snapshot(group.ada, group.id))["cursor"]
    other = await group.ada.start(group.grace)
    theirs = await strangers[0].start(strangers[1])
    foreign = (await _snapshot(strangers[0], theirs))["cursor"]
    listed = (await group.ada.call("conversations"))["pageInfo"]["endCursor"]
    forged = own[:-2] + ("AA" if own[-2:] != "AA" else "BA")
    for cursor in (foreign, listed, forged, own[:-1], own + "A", "", "x", "A" * 22, "🙂", "A" * 5_000, "0"):
        assert await _refusal(group.ada, group.id, cursor) == "BAD_CURSOR", cursor
    assert await _refusal(group.ada, other, own) == "BAD_CURSOR"
    notified = await group.ada.call("notificationCursor")
    assert await _refusal(group.ada, group.id, notified) == "BAD_CURSOR"


async def test_a_cursor_holds_in_another_process(group: Group, twin: World) -> None:
    state = await _snapshot(group.ada, group.id)
    await _change_the_title(group)
    await _catch_up(Person(twin, "Ada", group.ada.email, group.ada.id, group.ada.token), group.id, state)
    assert state == await _snapshot(group.ada, group.id)


async def _catch_up(person: Person, id: str, state: State) -> set[str]:
    """Apply what has happened since the snapshot, up to a last message. Answers the types of the events."""
    last, heard = (await person.send(id, "the last word"))["id"], set[str]()
    async with person.live() as socket:
        await socket.subscribe(FOLLOW, id=id, after=state["cursor"])
        while last not in state["messages"]:
            heard.add(_apply(state, (await socket.next())["conversationEvents"]))
    return heard


async def _snapshot(person: Person, id: str) -> State:
    shown = (await person.ask(SNAPSHOT, id=id))["conversation"]
    messages = {message["id"]: message for message in shown["messages"]["nodes"]}
    kept = {name: shown[name] for name in ("cursor", "title", "version")}
    return State(kept, participants=_participants(shown), messages=messages)


def _participants(conversation: dict[str, Any]) -> dict[str, Any]:
    """The role and the mark of everybody, by their ids."""
    return {
        one["user"]["id"]: {"role": one["role"], "read": one["readUpTo"] and one["readUpTo"]["id"]}
        for one in conversation["participants"]
    }


def _apply(state: State, event: dict[str, Any]) -> str:
    """What a client does with an event; hearing one again changes nothing. Answers the event's type."""
    kind: str = event["__typename"]
    if kind == "ConversationChanged":
        changed = event["conversation"]
        state.update(title=changed["title"], version=changed["version"], participants=_participants(changed))
    elif kind == "ConversationRead":
        if side := state["participants"].get(event["user"]["id"]):
            side["read"] = event["message"]["id"]
    elif kind == "ParticipantJoined":
        state["participants"].setdefault(event["user"]["id"], {"role": "MEMBER", "read": None})
    elif kind == "ParticipantLeft":
        state["participants"].pop(event["user"]["id"], None)
    else:
        state["messages"][event["message"]["id"]] = event["message"]
    return kind


async def _refusal(person: Person, id: str, cursor: str) -> str:
    async with person.live() as socket:
        await socket.subscribe(FOLLOW, id=id, after=cursor)
        return await Live.refusal(socket)

"""MSG-6, MSG-7: what is read and what is found."""

import asyncio
from typing import Any

import pytest

from tests.app.hostile import NOSQL
from tests.world import Person

READERS = """query($id: ID!) { conversation(id: $id) { unreadCount
  messages { nodes { text readers { name } } } participants { user { name } readUpTo { text } } } }"""


async def test_unread_messages_are_counted_and_read_up_to_a_mark(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    sent = [await ada.send(conversation, f"{number}") for number in range(5)]
    assert await _unread(grace, conversation) == 5
    assert await _unread(ada, conversation) == 0
    marked = await grace.call("markRead", input={"conversationId": conversation, "messageId": sent[2]["id"]})
    assert marked["unreadCount"] == 2
    await grace.call("markRead", input={"conversationId": conversation, "messageId": sent[0]["id"]})
    assert await _unread(grace, conversation) == 2  # a mark never goes back
    await ada.call("deleteMessage", input={"messageId": sent[3]["id"]})
    assert await _unread(grace, conversation) == 1
    assert (await grace.call("markRead", input={"conversationId": conversation}))["unreadCount"] == 0
    shown = (await ada.ask(READERS, id=conversation))["conversation"]
    assert [[one["name"] for one in node["readers"]] for node in shown["messages"]["nodes"]] == [["Grace"]] * 5
    assert {one["user"]["name"]: one["readUpTo"] for one in shown["participants"]} == {
        "Ada": None,
        "Grace": {"text": "4"},
    }


async def test_marks_set_at_once_end_at_the_newest(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    sent = [await ada.send(conversation, f"{number}") for number in range(10)]
    marks = [{"conversationId": conversation, "messageId": message["id"]} for message in sent]
    await asyncio.gather(*(grace.call("markRead", input=mark) for mark in marks))
    assert await _unread(grace, conversation) == 0


async def test_a_mark_stands_at_a_message_of_the_conversation(company: list[Person]) -> None:
    olivia, ada, grace = company
    elsewhere = await ada.send(await ada.start(olivia), "elsewhere")
    given = {"conversationId": await ada.start(grace), "messageId": elsewhere["id"]}
    refused = await ada.call("markRead", input=given)
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["input", "messageId"])


async def test_words_are_found_in_ones_own_conversations(company: list[Person]) -> None:
    olivia, ada, grace = company
    with_grace, with_olivia = await ada.start(grace), await ada.start(olivia)
    first = await ada.send(with_grace, "The quick brown fox")
    second = await ada.send(with_olivia, "a Quick-witted fox")
    deleted = await ada.send(with_grace, "the quick fox is gone")
    await ada.call("deleteMessage", input={"messageId": deleted["id"]})
    assert await _found(ada, "fox quick") == [second["id"], first["id"]]
    assert await _found(ada, "quick", conversationId=with_grace) == [first["id"]]
    assert await _found(grace, "quick") == [first["id"]]
    assert await _found(grace, "quick", conversationId=with_olivia) == []
    assert await _found(ada, "wolf") == []


@pytest.mark.parametrize("text", ["", " ", '"', '""', "\\"])
async def test_a_search_needs_a_word(company: list[Person], text: str) -> None:
    assert await company[1].refused("searchMessages", input={"text": text}) == "INVALID"


async def test_operators_are_words(company: list[Person]) -> None:
    """S8: a payload finds what says it, letter by letter, and nothing else."""
    _, ada, grace = company
    conversation = await ada.start(grace)
    said = {text: (await ada.send(conversation, text))["id"] for text in NOSQL}
    bystander = await ada.send(conversation, "nothing of the kind")
    text = """query($id: ID!, $filter: MessageFilter) { conversation(id: $id) {
      messages(filter: $filter, first: 100) { nodes { id } } } }"""
    for payload in NOSQL:
        for operator, same in (
            ("eq", lambda one, payload=payload: one == payload),
            ("contains", lambda one, payload=payload: payload.lower() in one.lower()),
            ("startsWith", lambda one, payload=payload: one.lower().startswith(payload.lower())),
        ):
            answer = await grace.ask(text, id=conversation, filter={"text": {operator: payload}})
            found = {node["id"] for node in answer["conversation"]["messages"]["nodes"]}
            assert found == {id for one, id in said.items() if same(one)}, (operator, payload)
        assert bystander["id"] not in await _search(grace, payload)


async def _unread(person: Person, conversation: str) -> int:
    return int((await person.call("conversation", depth=1, id=conversation))["unreadCount"])


async def _found(person: Person, text: str, **more: Any) -> list[str]:
    return [one["id"] for one in (await person.call("searchMessages", input={"text": text, **more}))["nodes"]]


async def _search(person: Person, text: str) -> list[str]:
    """What is found, or nothing when there is no word in the text."""
    answer = await person.answer(
        "query($text: String!) { searchMessages(input: {text: $text}) { nodes { id } } }", text=text
    )
    if "errors" in answer:
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID"]
        return []
    return [node["id"] for node in answer["data"]["searchMessages"]["nodes"]]

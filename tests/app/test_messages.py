"""MSG-2: saying, changing, taking back, answering, reacting."""

import asyncio
from typing import Any

import pytest

from tests.world import Person, World

TEXTS = ["Hello", "👩‍👩‍👧‍👦 🏳️‍🌈", "שלום עולם", "\u202eolleh\u202c", "a\u0000b"]
TEXTS += ["x" * 5_000, "line\nline", "e\u0301", "\ufeffmark"]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_what_was_said_is_shown_as_it_was(company: list[Person], text: str) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    sent = await ada.send(conversation, text)
    assert (await grace.call("message", id=sent["id"]))["text"] == text


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * 5_001, "x" * 10_000])
async def test_nothing_and_too_much_are_refused(company: list[Person], text: str) -> None:
    _, ada, grace = company
    refused = await ada.send(await ada.start(grace), text)
    assert (refused["__typename"], refused["code"], refused["path"]) == ("InvalidError", "INVALID", ["input", "text"])


async def test_a_client_message_id_makes_one_message(company: list[Person], twin: World) -> None:
    """R32: twenty at once, over two processes."""
    _, ada, grace = company
    conversation = await ada.start(grace)
    elsewhere = Person(twin, ada.name, ada.email, ada.id, ada.token)
    given = {"conversation": conversation, "text": "once", "clientMessageId": "0f1e2d"}
    sent = await asyncio.gather(*(person.send(**given) for person in [ada, elsewhere] * 10))
    assert len(sent) == 20
    assert {message["id"] for message in sent} == {sent[0]["id"]}
    assert [message["text"] for message in await _messages(grace, conversation)] == ["once"]
    assert (await grace.send(**given))["id"] != sent[0]["id"]  # the id is its sender's own


async def test_of_two_edits_of_one_version_the_second_is_refused(company: list[Person]) -> None:
    _, ada, grace = company
    message = await ada.send(await ada.start(grace), "first")
    edit = {"messageId": message["id"], "expectedVersion": message["version"]}
    edited = await ada.call("editMessage", input={**edit, "text": "second"})
    assert (edited["text"], edited["version"]) == ("second", 2)
    assert edited["editedAt"]
    for stale in (0, 1, 3):
        refused = await ada.call("editMessage", input={**edit, "text": "third", "expectedVersion": stale})
        assert (refused["code"], refused["path"]) == ("VERSION_CONFLICT", ["input", "expectedVersion"])
    assert (await grace.call("message", id=message["id"]))["text"] == "second"


async def test_only_its_sender_edits_a_message(company: list[Person]) -> None:
    _, ada, grace = company
    message = await ada.send(await ada.start(grace), "mine")
    refused = await grace.call("editMessage", input={"messageId": message["id"], "text": "yours"})
    assert refused["__typename"] == "ForbiddenError"


async def test_a_deleted_message_leaves_an_empty_place(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    attachment = {"url": "https://example.com/a", "name": "a", "mediaType": "text/plain", "size": 1}
    message = await ada.send(conversation, "secret", attachments=[attachment], mentionIds=[grace.id])
    given = {"messageId": message["id"]}
    await grace.call("addReaction", input={**given, "emoji": "👍"})
    deleted = await ada.call("deleteMessage", input=given)
    assert (deleted["text"], deleted["attachments"], deleted["mentions"], deleted["reactions"]) == ("", [], [], [])
    assert deleted["deletedAt"]
    for name, more in (("deleteMessage", {}), ("editMessage", {"text": "x"}), ("addReaction", {"emoji": "👍"})):
        assert (await ada.call(name, input={**given, **more}))["code"] == "MESSAGE_DELETED"
    assert [one["id"] for one in await _messages(grace, conversation)] == [message["id"]]


async def test_owners_of_a_conversation_and_moderators_delete_what_others_said(company: list[Person]) -> None:
    olivia, ada, grace = company
    group = await ada.start(olivia, grace)
    first, second = await grace.send(group, "one"), await grace.send(group, "two")
    third = await ada.send(group, "three")
    assert (await ada.call("deleteMessage", input={"messageId": first["id"]}))["deletedAt"]
    assert (await olivia.call("deleteMessage", input={"messageId": second["id"]}))["deletedAt"]
    assert (await grace.call("deleteMessage", input={"messageId": third["id"]}))["code"] == "FORBIDDEN"


async def test_answers_make_a_thread(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    root = await ada.send(conversation, "question")
    first = await grace.send(conversation, "answer", replyToId=root["id"])
    second = await ada.send(conversation, "answer to the answer", replyToId=first["id"])
    await grace.send(conversation, "something else")
    text = "query($id: ID!) { message(id: $id) { replyTo { id } thread { nodes { id replyTo { id } } } } }"
    shown = (await ada.ask(text, id=root["id"]))["message"]
    assert shown["replyTo"] is None
    assert shown["thread"]["nodes"] == [
        {"id": first["id"], "replyTo": {"id": root["id"]}},
        {"id": second["id"], "replyTo": {"id": first["id"]}},
    ]


async def test_one_answers_within_the_conversation(company: list[Person]) -> None:
    olivia, ada, grace = company
    elsewhere = await ada.send(await ada.start(olivia), "elsewhere")
    refused = await ada.send(await ada.start(grace), "answer", replyToId=elsewhere["id"])
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["input", "replyToId"])


async def test_reactions_count_once_for_each_person(company: list[Person]) -> None:
    _, ada, grace = company
    message = await ada.send(await ada.start(grace), "react!")
    given = {"messageId": message["id"], "emoji": "👍"}
    for person in (ada, grace, grace):
        await person.call("addReaction", input=given)
    shown = await ada.call("addReaction", input={**given, "emoji": "❤️"})
    assert [(one["emoji"], one["count"], one["mine"]) for one in shown["reactions"]] == [
        ("👍", 2, True),
        ("❤️", 1, True),
    ]
    shown = await grace.call("removeReaction", input=given)
    assert [(one["emoji"], one["count"], one["mine"]) for one in shown["reactions"]] == [
        ("👍", 1, False),
        ("❤️", 1, False),
    ]
    again = await grace.call("removeReaction", input=given)
    assert again["reactions"] == shown["reactions"]


@pytest.mark.parametrize("emoji", ["", "a", "👍 ", "👍a", "x" * 17, "👍" * 17, " ", "\u0000", "$gt"])
async def test_a_reaction_is_an_emoji(company: list[Person], emoji: str) -> None:
    _, ada, grace = company
    message = await ada.send(await ada.start(grace), "react!")
    answer = await ada.call("addReaction", input={"messageId": message["id"], "emoji": emoji})
    assert answer.get("path") == ["input", "emoji"] or [one["emoji"] for one in answer["reactions"]] == ["👍"]


async def test_only_members_of_the_conversation_are_mentioned(company: list[Person]) -> None:
    olivia, ada, grace = company
    conversation = await ada.start(grace)
    sent = await ada.send(conversation, "you", mentionIds=[grace.id, grace.id])
    assert [user["id"] for user in sent["mentions"]] == [grace.id]
    refused = await ada.send(conversation, "you", mentionIds=[olivia.id])
    assert (refused["code"], refused["path"]) == ("INVALID", ["input", "mentionIds"])


@pytest.mark.parametrize(
    ("attachment", "path"),
    [
        ({"url": "javascript:alert(1)"}, ["0", "url"]),
        ({"url": "/etc/passwd"}, ["0", "url"]),
        ({"name": ""}, ["0", "name"]),
        ({"mediaType": "text"}, ["0", "mediaType"]),
        ({"mediaType": "text/html\nX: y"}, ["0", "mediaType"]),
        ({"size": -1}, ["0", "size"]),
    ],
)
async def test_an_attachment_is_checked(company: list[Person], attachment: dict[str, Any], path: list[str]) -> None:
    _, ada, grace = company
    given = {"url": "https://example.com/a", "name": "a", "mediaType": "text/plain", "size": 1, **attachment}
    refused = await ada.send(await ada.start(grace), "look", attachments=[given])
    assert (refused["code"], refused["path"]) == ("INVALID", ["input", "attachments", *path])


async def test_outsiders_neither_see_nor_say_anything(company: list[Person]) -> None:
    olivia, ada, grace = company
    conversation = await ada.start(grace)
    message = await ada.send(conversation, "between us")
    assert await olivia.call("message", id=message["id"]) is None
    assert await olivia.call("node", depth=1, id=message["id"]) is None
    given = {"messageId": message["id"]}
    for name, more in (
        ("editMessage", {"text": "x"}),
        ("deleteMessage", {}),
        ("addReaction", {"emoji": "👍"}),
        ("removeReaction", {"emoji": "👍"}),
    ):
        assert (await olivia.call(name, input={**given, **more}))["code"] == "NOT_FOUND"
    assert (await olivia.send(conversation, "hello?"))["code"] == "NOT_FOUND"


async def _messages(person: Person, conversation: str) -> list[dict[str, Any]]:
    text = "query($id: ID!) { conversation(id: $id) { messages(first: 100) { nodes { id text } } } }"
    return list((await person.ask(text, id=conversation))["conversation"]["messages"]["nodes"])

"""Pages: every row once, in order, whatever the size of the page and whatever is written meanwhile."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from itertools import count
from typing import Any

import bson
import pytest
from bson import ObjectId

from tests.world import Person

COUNT = 23


@pytest.mark.parametrize("first", [1, 7, COUNT, 100])
async def test_a_list_is_read_to_its_end(company: list[Person], first: int) -> None:
    _, ada, grace = company
    made = [await ada.start(grace, title=f"{number}") for number in range(COUNT)]
    seen, after, pages = list[str](), None, 0
    while True:
        page = await ada.call("conversations", depth=1, first=first, after=after)
        info = page["pageInfo"]
        assert info["hasPreviousPage"] is (after is not None)
        assert info["startCursor"] == page["edges"][0]["cursor"]
        seen += [node["id"] for node in page["nodes"]]
        after, pages = info["endCursor"], pages + 1
        if not info["hasNextPage"]:
            break
    assert seen == made[::-1]
    assert pages == -(-len(made) // first)


async def test_what_is_written_meanwhile_moves_nothing(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    sent = [(await ada.send(conversation, f"{number}"))["id"] for number in range(12)]
    seen, after = list[str](), None
    while len(seen) < len(sent):
        text = """query($id: ID!, $after: String) { conversation(id: $id) { messages(first: 5, after: $after) {
          nodes { id } pageInfo { endCursor hasNextPage } } } }"""
        page = (await ada.ask(text, id=conversation, after=after))["conversation"]["messages"]
        seen, after = seen + [node["id"] for node in page["nodes"]], page["pageInfo"]["endCursor"]
        await grace.send(conversation, "meanwhile")
    assert seen == sent[::-1]


async def test_an_empty_list_has_no_cursors(company: list[Person]) -> None:
    page = await company[1].call("conversations")
    assert page["nodes"] == page["edges"] == []
    assert {page["pageInfo"][name] for name in ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")} == {
        False,
        None,
    }


@pytest.mark.parametrize("first", [0, -1, 101, 100_000])
async def test_a_page_that_is_too_long_is_refused_and_not_cut(company: list[Person], first: int) -> None:
    codes = {await company[0].refused(name, first=first) for name in ("conversations", "members", "users")}
    assert codes <= {"INVALID", "TOO_COMPLEX"}


def _forged(**values: Any) -> str:
    return urlsafe_b64encode(bson.encode(values)).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "🙂",
        "\u0000",
        "A" * 5_000,
        _forged(),
        _forged(_id=ObjectId()),
        _forged(active_at=datetime.now(UTC)),
        _forged(_id={"$gt": ""}, active_at=datetime.now(UTC)),
        _forged(_id=ObjectId(), active_at={"$ne": None}),
        _forged(_id=ObjectId(), active_at=bson.Regex(".*")),
        _forged(_id=ObjectId(), active_at=bson.Code("1")),
        _forged(_id=ObjectId(), active_at=None),
        _forged(_id=ObjectId(), active_at=datetime.now(UTC), organization_id=ObjectId()),
        _forged(organization_id=ObjectId(), active_at=datetime.now(UTC)),
    ],
    ids=count(),
)
async def test_a_forged_cursor_is_refused(company: list[Person], cursor: str) -> None:
    assert await company[0].refused("conversations", after=cursor) == "BAD_CURSOR"


async def test_a_cursor_of_another_list_is_refused(company: list[Person]) -> None:
    _, ada, grace = company
    await ada.start(grace)
    members, conversations = await asyncio.gather(ada.call("members"), ada.call("conversations"))
    assert await ada.refused("conversations", after=members["pageInfo"]["endCursor"]) == "BAD_CURSOR"
    assert await ada.refused("members", after=conversations["pageInfo"]["endCursor"]) == "BAD_CURSOR"

"""ID-13: following people, and keeping them away."""

import asyncio
from typing import Any

from tests.world import Person, until


async def test_who_follows_whom_is_counted_and_listed(company: list[Person]) -> None:
    olivia, ada, grace = company
    for follower in (ada, grace):
        followed = await _do(follower, "followUser", olivia)
        assert followed["standing"]["followedByMe"] is True
    await _do(ada, "followUser", grace)
    await _do(ada, "followUser", grace)  # twice is once
    assert await _counts(olivia) == (2, 0)
    assert await _counts(grace) == (1, 1)
    assert await _counts(ada) == (0, 2)
    newest_first = [tie["other"]["id"] for tie in (await olivia.call("followers", userId=olivia.id))["nodes"]]
    assert newest_first == [grace.id, ada.id]
    assert [tie["user"]["id"] for tie in (await olivia.call("following", userId=ada.id))["nodes"]] == [
        grace.id,
        olivia.id,
    ]
    assert (await _do(ada, "unfollowUser", olivia))["standing"]["followedByMe"] is False
    assert await _counts(olivia) == (1, 0)


async def test_who_is_blocked_can_neither_follow_nor_write(company: list[Person]) -> None:
    olivia, ada, grace = company
    talk, group = await ada.start(olivia), await ada.start(olivia, grace, title="All")
    await _do(ada, "followUser", olivia)
    await _do(olivia, "followUser", ada)
    assert (await _do(olivia, "blockUser", ada))["standing"]["blockedByMe"] is True
    assert await _counts(olivia) == await _counts(ada) == (0, 0)
    assert (await _do(ada, "followUser", olivia))["code"] == "BLOCKED"
    assert (await ada.call("sendMessage", input={"conversationId": talk, "text": "Hi"}))["code"] == "BLOCKED"
    assert (await ada.call("startConversation", input={"memberIds": [olivia.id]}))["code"] == "BLOCKED"
    assert (await ada.send(group, "Hello all"))["__typename"] == "Message"
    assert (await grace.call("startConversation", input={"memberIds": [olivia.id]}))["__typename"] == "Conversation"
    assert [tie["other"]["id"] for tie in (await olivia.call("blocked"))["nodes"]] == [ada.id]
    assert (await ada.call("blocked"))["nodes"] == []
    [block] = (await olivia.call("blocked", depth=1))["nodes"]
    assert await ada.call("node", depth=1, id=block["id"]) is None  # a block is nobody else's to see
    await _do(olivia, "unblockUser", ada)
    assert (await ada.send(talk, "Hi"))["__typename"] == "Message"
    assert (await _do(ada, "followUser", olivia))["standing"]["followedByMe"] is True


async def test_nobody_follows_who_blocks_them_at_that_moment(company: list[Person]) -> None:
    olivia, ada, _ = company
    for _round in range(5):
        await asyncio.gather(*(_do(ada, "followUser", olivia) for _ in range(4)), _do(olivia, "blockUser", ada))
        assert await _counts(olivia) == (0, 0)
        await _do(olivia, "unblockUser", ada)


async def test_one_follows_and_blocks_others_only(company: list[Person], strangers: list[Person]) -> None:
    ada = company[1]
    for mutation in ("followUser", "blockUser"):
        assert (await _do(ada, mutation, ada))["code"] == "INVALID"
        assert (await _do(ada, mutation, strangers[0]))["code"] == "NOT_FOUND"


async def test_who_leaves_follows_nobody_any_more(company: list[Person]) -> None:
    olivia, ada, grace = company
    await _do(ada, "followUser", olivia)
    await _do(olivia, "followUser", ada)
    await _do(grace, "followUser", olivia)
    await ada.call("leaveOrganization")

    async def gone() -> bool:
        return await _counts(olivia) == (1, 0)

    await until(gone)


async def test_an_organization_can_do_without_following(company: list[Person]) -> None:
    olivia, ada, grace = company
    off = {"disabledFeatures": ["FOLLOWING", "DIRECT_MESSAGES", "FOLLOWING"]}
    edited = await olivia.call("updateOrganization", input=off)
    assert edited["disabledFeatures"] == ["DIRECT_MESSAGES", "FOLLOWING"]
    assert (await _do(ada, "followUser", grace))["code"] == "FEATURE_OFF"
    assert (await ada.call("startConversation", input={"memberIds": [grace.id]}))["code"] == "FEATURE_OFF"
    assert await ada.start(grace, title="A group")
    await olivia.call("updateOrganization", input={"disabledFeatures": []})
    assert (await _do(ada, "followUser", grace))["standing"]["followedByMe"] is True


async def _do(person: Person, mutation: str, other: Person) -> Any:
    return await person.call(mutation, input={"userId": other.id})


async def _counts(person: Person) -> tuple[int, int]:
    """How many follow the person, and how many they follow."""
    standing = (await person.call("me"))["standing"]
    return standing["followerCount"], standing["followingCount"]

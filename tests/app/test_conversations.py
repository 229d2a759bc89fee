"""MSG-1: conversations and who is in them."""

import asyncio

import pytest

from tests.world import Person, World


async def test_two_people_have_one_direct_conversation(company: list[Person], twin: World) -> None:
    _, ada, grace = company
    elsewhere = Person(twin, grace.name, grace.email, grace.id, grace.token)
    starts = [ada.start(grace) if n % 2 else elsewhere.start(ada) for n in range(20)]
    assert len(set(await asyncio.gather(*starts))) == 1


async def test_a_title_or_a_third_person_makes_a_group(company: list[Person]) -> None:
    olivia, ada, grace = company
    direct, titled, three = (
        await ada.start(grace),
        await ada.start(grace, title="Plans"),
        await ada.start(olivia, grace),
    )
    kinds = [(await ada.call("conversation", id=id))["kind"] for id in (direct, titled, three)]
    assert kinds == ["DIRECT", "GROUP", "GROUP"]
    assert await ada.start(grace, title="Plans") != titled


async def test_one_talks_with_others_of_the_organization(company: list[Person], strangers: list[Person]) -> None:
    _, ada, grace = company
    alone = await ada.call("startConversation", input={"memberIds": [ada.id]})
    assert (alone["code"], alone["path"]) == ("INVALID", ["input", "memberIds"])
    nobody = await ada.call("startConversation", input={"memberIds": []})
    assert (nobody["code"], nobody["path"]) == ("INVALID", ["input", "memberIds"])
    stranger = await ada.call("startConversation", input={"memberIds": [grace.id, strangers[0].id]})
    assert (stranger["code"], stranger["path"]) == ("NOT_FOUND", ["input", "memberIds", "1"])
    many = await ada.call("startConversation", input={"memberIds": [grace.id] * 101})
    assert (many["code"], many["path"]) == ("INVALID", ["input", "memberIds"])
    twice = await ada.call("startConversation", input={"memberIds": [grace.id, grace.id, ada.id]})
    assert twice["kind"] == "DIRECT"


async def test_who_is_let_in_sees_it_and_who_is_taken_out_does_not(company: list[Person]) -> None:
    olivia, ada, grace = company
    group = await ada.start(olivia, title="Plans")
    assert await grace.call("conversation", id=group) is None
    added = {"conversationId": group, "memberIds": [grace.id, olivia.id]}
    shown = await ada.call("addConversationMembers", input=added)
    assert [one["role"] for one in shown["participants"]] == ["OWNER", "MEMBER", "MEMBER"]
    assert (await grace.send(group, "Here I am"))["__typename"] == "Message"
    taken = {"conversationId": group, "userId": grace.id}
    assert (await olivia.call("removeConversationMember", input=taken))["code"] == "FORBIDDEN"
    assert len((await ada.call("removeConversationMember", input=taken))["participants"]) == 2
    assert await grace.call("conversation", id=group) is None
    assert (await grace.send(group, "Still here"))["code"] == "NOT_FOUND"
    assert (await ada.call("removeConversationMember", input=taken))["path"] == ["input", "userId"]


async def test_when_the_owner_leaves_another_member_becomes_it(company: list[Person]) -> None:
    olivia, ada, grace = company
    group = await ada.start(olivia, grace)
    left = await ada.call("removeConversationMember", input={"conversationId": group, "userId": ada.id})
    assert left["unreadCount"] == 0  # they have no side of it any more
    roles = [(one["role"]) for one in (await olivia.call("conversation", id=group))["participants"]]
    assert sorted(roles) == ["MEMBER", "OWNER"]
    taken = {"conversationId": group, "userId": grace.id}
    assert (await olivia.call("removeConversationMember", input=taken))["__typename"] == "Conversation"
    last = {"conversationId": group, "userId": olivia.id}
    assert (await olivia.call("removeConversationMember", input=last))["participants"] == []


async def test_nobody_joins_or_leaves_two_people(company: list[Person]) -> None:
    olivia, ada, grace = company
    direct = await ada.start(grace)
    for name, given in (
        ("addConversationMembers", {"memberIds": [olivia.id]}),
        ("removeConversationMember", {"userId": grace.id}),
        ("updateConversation", {"title": "Us"}),
    ):
        refused = await ada.call(name, input={"conversationId": direct, **given})
        assert (refused["__typename"], refused["code"]) == ("ConflictError", "NOT_A_GROUP")


async def test_of_two_edits_of_one_version_the_second_is_refused(company: list[Person]) -> None:
    olivia, ada, _ = company
    group = await ada.start(olivia, title="First")
    edit = {"conversationId": group, "expectedVersion": 1}
    assert (await ada.call("updateConversation", input={**edit, "title": "Second"}))["version"] == 2
    for stale in (0, 1, 3):
        given = {**edit, "title": "Third", "expectedVersion": stale}
        assert (await olivia.call("updateConversation", input=given))["code"] == "VERSION_CONFLICT"
    assert (await ada.call("conversation", id=group))["title"] == "Second"


async def test_archiving_and_muting_are_ones_own(company: list[Person]) -> None:
    _, ada, grace = company
    direct = await ada.start(grace)
    given = {"conversationId": direct, "archived": True, "muted": True}
    changed = await ada.call("setConversationPreferences", input=given)
    assert (changed["archived"], changed["muted"]) == (True, True)
    assert await _ids(ada) == []
    assert await _ids(ada, archived=True) == [direct]
    assert await _ids(grace) == [direct]
    back = await ada.call("setConversationPreferences", input={"conversationId": direct, "archived": False})
    assert (back["archived"], back["muted"]) == (False, True)  # what is left out stays
    assert await _ids(ada) == [direct]


async def test_filters(company: list[Person]) -> None:
    olivia, ada, grace = company
    direct = await ada.start(grace)
    plans, songs = await olivia.start(ada, title="Plans (2026)"), await ada.start(olivia, title="songs.*")
    cases = [
        ({}, [songs, plans, direct]),
        ({"kind": {"eq": "DIRECT"}}, [direct]),
        ({"kind": {"ne": "DIRECT"}}, [songs, plans]),
        ({"title": {"contains": "PLAN"}}, [plans]),
        ({"title": {"contains": ".*"}}, [songs]),
        ({"title": {"startsWith": "s"}}, [songs]),
        ({"title": {"exists": False}}, [direct]),
        ({"title": {"in": ["songs.*", "Plans (2026)"]}}, [songs, plans]),
        ({"createdById": {"eq": olivia.id}}, [plans]),
        ({"createdById": {"notIn": [olivia.id]}}, [songs, direct]),
        ({"createdAt": {"lt": "2000-01-01T00:00:00Z"}}, []),
        ({"createdAt": {"gt": "2000-01-01T00:00:00Z"}, "kind": {"eq": "GROUP"}}, [songs, plans]),
        ({"or": [{"kind": {"eq": "DIRECT"}}, {"createdById": {"eq": olivia.id}}]}, [plans, direct]),
        ({"or": []}, []),
        ({"not": {"title": {"contains": "plan"}}}, [songs, direct]),
        ({"and": [{"kind": {"eq": "GROUP"}}, {"not": {"createdById": {"eq": olivia.id}}}]}, [songs]),
    ]
    for filter, expected in cases:
        assert await _ids(ada, filter=filter) == expected, filter


@pytest.mark.parametrize(
    ("filter", "code"),
    [
        ({"title": {"eq": "x" * 201}}, "INVALID"),
        ({"title": {"in": ["x"] * 101}}, "INVALID"),
        ({"and": [{"title": {"eq": "x"}}] * 51}, "INVALID"),
        ({"not": {"not": {"not": {"not": {"not": {"title": {"eq": "x"}}}}}}}, "INVALID"),
        ({"createdById": {"eq": "Message_0123456789abcdef01234567"}}, "NOT_FOUND"),
        ({"createdById": {"in": ["User_x"]}}, "NOT_FOUND"),
        ({"titel": {"eq": "x"}}, "BAD_USER_INPUT"),
        ({"title": {"regex": "x"}}, "BAD_USER_INPUT"),
    ],
)
async def test_a_filter_that_asks_too_much_or_nonsense_is_refused(
    company: list[Person], filter: dict[str, object], code: str
) -> None:
    assert await company[1].refused("conversations", filter=filter) == code


async def _ids(person: Person, **given: object) -> list[str]:
    return [one["id"] for one in (await person.call("conversations", depth=1, **given))["nodes"]]

"""ORG-6: in an organization that the platform has suspended everything can be read and nothing changed."""

from collections.abc import AsyncIterator

import pytest
from websockets.exceptions import ConnectionClosed

from tests.world import Person, World, organization, until

REASON = "Somebody complained."


@pytest.fixture
async def suspended(company: list[Person]) -> AsyncIterator[list[Person]]:
    owner = company[0]
    staff = owner.world.staff
    assert staff
    row = await staff.call("suspendOrganization", input={"organizationId": owner.organization, "reason": REASON})
    assert row["state"] == "SUSPENDED"
    await until(lambda: _is_suspended(owner))
    yield company


async def test_members_read_and_change_nothing(suspended: list[Person]) -> None:
    owner, ada, grace = suspended
    assert (await ada.call("organization"))["suspension"]["reason"] == REASON
    assert len((await ada.call("members"))["nodes"]) == 3
    for person, field, given in (
        (owner, "updateOrganization", {"name": "New"}),
        (owner, "deleteOrganization", {"slug": "any"}),
        (ada, "startConversation", {"memberIds": [grace.id]}),
        (ada, "blockUser", {"userId": grace.id}),
    ):
        assert await person.refused(field, input=given) == "ORGANIZATION_SUSPENDED"
    assert (await ada.call("updateProfile", input={"bio": "Still me."}))["bio"] == "Still me."
    elsewhere = await ada.again()
    await organization(elsewhere)
    assert (await elsewhere.call("updateOrganization", input={"name": "Mine"}))["name"] == "Mine"


async def test_it_is_felt_at_once_and_taken_back(company: list[Person], twin: World) -> None:
    owner, ada, _ = company
    staff = owner.world.staff
    assert staff
    which = {"organizationId": owner.organization}
    there = await ada.again(twin)
    for mutation, given in (("suspendOrganization", {"reason": REASON}), ("reinstateOrganization", {})):
        async with there.live() as socket:
            assert "code" not in await staff.call(mutation, input={**which, **given})
            with pytest.raises(ConnectionClosed):
                await socket.receive(5)
    assert (await staff.call("reinstateOrganization", input=which))["code"] == "ILLEGAL_TRANSITION"
    assert (await owner.call("updateOrganization", input={"name": "Back"}))["suspension"] is None


async def test_nobody_else_suspends(company: list[Person]) -> None:
    given = {"organizationId": company[0].organization, "reason": REASON}
    assert await company[0].refused("suspendOrganization", input=given) == "FORBIDDEN"


async def test_staff_sees_all_organizations(company: list[Person]) -> None:
    staff = company[0].world.staff
    assert staff
    newest = (await staff.call("allOrganizations", first=1))["nodes"]
    assert [one["id"] for one in newest] == [company[0].organization]


async def _is_suspended(person: Person) -> bool:
    return bool((await person.answer('mutation { blockUser(input: {userId: ""}) { __typename } }')).get("errors"))

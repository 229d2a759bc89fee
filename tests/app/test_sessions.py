"""ID-1: sign-ins, and what ends them."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import ConnectionClosed

from tests.world import PASSWORD, Person, World, organization, until

FORBIDDEN = 4403


async def test_a_wrong_password_and_an_unknown_address_look_the_same(world: World, people: list[Person]) -> None:
    anybody = Person(world, "Anybody", "")
    wrong = {"email": people[0].email, "password": "not the password"}
    unknown = {"email": "nobody.at.all@example.com", "password": PASSWORD}
    first, second = [await anybody.call("signIn", input=given) for given in (wrong, unknown)]
    assert first == second
    assert first["code"] == "WRONG_CREDENTIALS"


async def test_what_a_sign_in_carries(company: list[Person]) -> None:
    owner = company[0]
    signed_in = await owner.call("signIn", input={"email": owner.email, "password": PASSWORD})
    assert signed_in["user"]["id"] == owner.id
    assert signed_in["user"]["email"] == owner.email
    assert signed_in["organizationId"] == owner.organization  # where they worked last
    owner.token = signed_in["accessToken"]
    assert (await owner.call("me"))["id"] == owner.id


async def test_nobody_is_signed_in_without_a_token(world: World) -> None:
    assert await Person(world, "Anybody", "").refused("me") == "UNAUTHENTICATED"


@pytest.mark.parametrize("authorization", ["Bearer x", "Bearer", "Basic eDp5", "Bearer a.b.c", "x"])
async def test_a_bad_token_is_refused_before_anything_runs(world: World, authorization: str) -> None:
    response = await Person(world, "Anybody", "").post("{ __typename }", Authorization=authorization)
    assert response.status_code == 401
    assert "data" not in response.json()


async def test_each_refresh_token_is_good_once_and_a_replay_ends_the_session(people: list[Person]) -> None:
    ada = await people[1].again()
    first = await ada.call("refreshSession", input={"refreshToken": ada.refresh_token})
    second = await ada.call("refreshSession", input={"refreshToken": first["refreshToken"]})
    assert len({ada.refresh_token, first["refreshToken"], second["refreshToken"]}) == 3
    ada.token = second["accessToken"]
    assert (await ada.call("me"))["id"] == ada.id
    anybody = Person(ada.world, "Anybody", "")
    for token in (ada.refresh_token, second["refreshToken"]):  # the replay, and then the newest of the family
        refused = await anybody.call("refreshSession", input={"refreshToken": token})
        assert refused["code"] == "SESSION_OVER"
    await until(lambda: _refused(ada))


async def test_of_twenty_refreshes_at_once_one_succeeds(people: list[Person]) -> None:
    ada = await people[1].again()
    anybody, given = Person(ada.world, "Anybody", ""), {"refreshToken": ada.refresh_token}
    answers = await asyncio.gather(*(anybody.call("refreshSession", input=given) for _ in range(20)))
    assert sorted(answer["__typename"] for answer in answers) == ["InvalidError"] * 19 + ["SignedIn"]


@pytest.mark.parametrize("token", ["", "x", "0" * 24, f"{'0' * 24}.1.x", "a.b.c", "\u0000", "🙂.1.x"])
async def test_a_forged_refresh_token_is_refused(people: list[Person], token: str) -> None:
    assert (await people[0].call("refreshSession", input={"refreshToken": token}))["code"] == "SESSION_OVER"


async def test_signing_out_ends_requests_and_sockets_of_that_session_only(company: list[Person]) -> None:
    ada = company[1]
    phone = await ada.again()
    async with phone.live() as there, ada.live() as here:
        assert (await phone.call("signOut"))["ended"]
        with pytest.raises(ConnectionClosed) as closed:
            await there.receive()
        assert closed.value.rcvd and closed.value.rcvd.code == FORBIDDEN
        await until(lambda: _refused(phone))
        anybody = Person(phone.world, "Anybody", "")
        refused = await anybody.call("refreshSession", input={"refreshToken": phone.refresh_token})
        assert refused["code"] == "SESSION_OVER"
        assert (await ada.call("me"))["id"] == ada.id
        assert await here.silent(0.2)


async def test_signing_out_is_heard_by_other_processes(people: list[Person], twin: World) -> None:
    phone = await people[1].again()
    elsewhere = Person(twin, phone.name, phone.email, phone.id, phone.token)
    assert (await elsewhere.call("me"))["id"] == phone.id  # the other process knows the token from here on
    async with elsewhere.live() as socket:
        await phone.call("signOut")
        with pytest.raises(ConnectionClosed):
            await socket.receive()
    await until(lambda: _refused(elsewhere))


async def test_switching_organizations_changes_the_token_and_not_the_session(company: list[Person]) -> None:
    olivia = await company[0].again()
    first = olivia.organization
    second = await organization(olivia, name="Second")
    assert (await olivia.call("organization"))["id"] == second
    names = [one["id"] for one in await olivia.call("myOrganizations")]
    assert {first, second} <= set(names)
    refreshed = await olivia.call("refreshSession", input={"refreshToken": olivia.refresh_token})
    assert refreshed["organizationId"] == second


async def test_one_cannot_switch_to_an_organization_of_others(company: list[Person], strangers: list[Person]) -> None:
    ada = company[1]
    for id in (strangers[0].organization, "Organization_" + "0" * 24, "User_" + "0" * 24, "Organization_x", ""):
        refused = await ada.call("switchOrganization", input={"organizationId": id})
        assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["input", "organizationId"]), id


async def test_revocation_ends_a_hundred_subscriptions(company: list[Person]) -> None:
    """S10: who is taken out of the organization hears nothing more, on any of their subscriptions."""
    olivia, ada, grace = company
    conversation = await ada.start(olivia, grace)
    cursor = (await grace.call("conversation", id=conversation))["cursor"]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(grace.live()) for _ in range(5)]
        for socket in sockets:
            for _ in range(20):
                await socket.follow("conversationEvents", depth=1, conversationId=conversation, after=cursor)
        await ada.send(conversation, "heard")
        for socket in sockets:
            assert [await socket.event("MessageSent") for _ in range(20)]
        await olivia.call("removeMember", input={"userId": grace.id})
        for socket in sockets:
            with pytest.raises(ConnectionClosed) as closed:
                await socket.receive(5)
            assert closed.value.rcvd and closed.value.rcvd.code == FORBIDDEN
        assert await grace.refused("conversation", id=conversation) == "UNAUTHENTICATED"


async def _refused(person: Person) -> bool:
    return (await person.post("{ me { id } }")).status_code == 401

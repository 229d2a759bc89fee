"""ID-1: sign-ins, and what ends them."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from websockets.exceptions import ConnectionClosed

from app.core.clock import now
from tests import documents
from tests.world import PASSWORD, Person, World, invitation_token, organization, until

FORBIDDEN = 4403
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)

Data = dict[str, Any]
Store = AsyncDatabase[Data]


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


async def test_twenty_refreshes_of_one_client_at_once_get_the_same_next_token(people: list[Person]) -> None:
    """S16: a client whose answer was lost, or that asks in two tabs, goes on."""
    ada = await people[1].again()
    answers = await asyncio.gather(*(_refreshed(ada, ada.refresh_token) for _ in range(20)))
    assert {answer["__typename"] for answer in answers} == {"SignedIn"}
    assert len({answer["refreshToken"] for answer in answers}) == 1
    last = await _refreshed(ada, answers[0]["refreshToken"])
    assert last["refreshToken"] not in {ada.refresh_token, answers[0]["refreshToken"]}


async def test_of_twenty_refreshes_of_different_clients_at_once_one_succeeds_and_the_session_ends(
    people: list[Person],
) -> None:
    """S16: they cannot all be its client."""
    ada = await people[1].again()
    answers = await asyncio.gather(*(_refreshed(ada, ada.refresh_token, f"client {n}") for n in range(20)))
    assert sorted(answer["__typename"] for answer in answers) == ["InvalidError"] * 19 + ["SignedIn"]
    winner = next(answer for answer in answers if answer["__typename"] == "SignedIn")
    assert (await _refreshed(ada, winner["refreshToken"]))["code"] == "SESSION_OVER"
    ada.token = winner["accessToken"]
    await until(lambda: _refused(ada), 1.0)


async def test_the_grace_of_a_repeated_refresh_ends(people: list[Person], store: Store) -> None:
    ada = await people[1].again()
    first = await _refreshed(ada, ada.refresh_token)
    again = await _refreshed(ada, ada.refresh_token)
    assert again["refreshToken"] == first["refreshToken"]
    session = {"_id": ObjectId(ada.refresh_token.partition(".")[0])}
    await store["sessions"].update_one(session, {"$set": {"used_at": now() - timedelta(seconds=11)}})
    assert (await _refreshed(ada, ada.refresh_token))["code"] == "SESSION_OVER"
    ada.token = again["accessToken"]
    await until(lambda: _refused(ada), 1.0)


async def test_the_sessions_of_a_person_are_listed_with_what_they_were_opened_with(people: list[Person]) -> None:
    """ID-10"""
    ada, grace = await people[1].again(), people[2]
    phone = await _signed_in_with(ada, PHONE)
    nodes = (await ada.call("sessions", first=100, depth=3))["nodes"]
    mine = [node for node in nodes if node["current"]]
    assert len(mine) == 1
    there = (await phone.call("sessions", first=1, depth=3))["nodes"][0]
    assert there["current"]
    assert there["device"] == "Safari on iPhone"
    assert there["address"].startswith("10.")  # as a proxy in front says
    assert there["place"] is None
    assert there["id"] in {node["id"] for node in nodes}
    others = {node["id"] for node in (await grace.call("sessions", first=100, depth=3))["nodes"]}
    assert not others & {node["id"] for node in nodes}
    assert (await grace.call("node", depth=1, id=there["id"])) is None
    assert (await ada.call("node", depth=1, id=there["id"]))["id"] == there["id"]


async def test_one_session_is_revoked_here_and_elsewhere(people: list[Person], twin: World) -> None:
    """ID-10, S10"""
    ada = await people[1].again()
    phone = await _signed_in_with(ada, PHONE)
    elsewhere = Person(twin, phone.name, phone.email, phone.id, phone.token)
    id = next(node["id"] for node in (await phone.call("sessions", depth=3))["nodes"] if node["current"])
    async with elsewhere.live() as there, ada.live() as here:
        assert (await people[2].call("revokeSession", input={"sessionId": id}))["code"] == "NOT_FOUND"
        assert (await ada.call("revokeSession", input={"sessionId": id}))["id"] == id
        with pytest.raises(ConnectionClosed) as closed:
            await there.receive(5)
        assert closed.value.rcvd and closed.value.rcvd.code == FORBIDDEN
        assert await here.silent(0.2)
    await until(lambda: _refused(phone), 5)
    assert (await _refreshed(ada, phone.refresh_token))["code"] == "SESSION_OVER"
    assert (await ada.call("revokeSession", input={"sessionId": id}))["code"] == "NOT_FOUND"
    assert id not in {node["id"] for node in (await ada.call("sessions", first=100, depth=3))["nodes"]}


async def test_all_other_sessions_are_revoked_at_once(world: World) -> None:
    """ID-10, S10"""
    kay = await world.person("Kay")
    others = [await kay.again() for _ in range(3)]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(other.live()) for other in others]
        here = await stack.enter_async_context(kay.live())
        assert (await kay.call("revokeOtherSessions"))["count"] == 3
        for socket in sockets:
            with pytest.raises(ConnectionClosed):
                await socket.receive(5)
        assert await here.silent(0.2)
    for other in others:
        await until(lambda other=other: _refused(other), 5)
    assert [node["current"] for node in (await kay.call("sessions", depth=3))["nodes"]] == [True]
    assert (await kay.call("revokeOtherSessions"))["count"] == 0


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


@pytest.mark.parametrize("by", ["removeMember", "revokeOtherSessions"])
async def test_revocation_ends_a_hundred_subscriptions(company: list[Person], world: World, by: str) -> None:
    """S10: who is taken out of the organization, or ends all their sessions, hears nothing more anywhere."""
    olivia, ada, _ = company
    grace = await world.person("Grace")
    invitation = await olivia.call("inviteMember", input={"email": grace.email})
    await grace.call("acceptInvitation", input={"token": invitation_token(invitation["id"])})
    await grace.enter(olivia.organization)
    home = await grace.again()
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
        if by == "removeMember":
            await olivia.call(by, input={"userId": grace.id})
        else:
            assert (await home.call(by))["count"] >= 1
        for socket in sockets:
            with pytest.raises(ConnectionClosed) as closed:
                await socket.receive(5)
            assert closed.value.rcvd and closed.value.rcvd.code == FORBIDDEN
        assert await grace.refused("conversation", id=conversation) == "UNAUTHENTICATED"


async def _refreshed(person: Person, token: str, agent: str = "python-httpx") -> Data:
    """What a client of this name is answered."""
    text, variables = documents.operation("refreshSession", {"input": {"refreshToken": token}}, depth=2)
    anybody = Person(person.world, "Anybody", "")
    return dict((await anybody.post(text, variables, **{"User-Agent": agent})).json()["data"]["a0"])


async def _signed_in_with(person: Person, agent: str) -> Person:
    given = {"input": {"email": person.email, "password": PASSWORD}}
    text, variables = documents.operation("signIn", given, depth=2)
    answer = (await person.post(text, variables, **{"User-Agent": agent})).json()["data"]["a0"]
    return Person(person.world, person.name, person.email, person.id, answer["accessToken"], answer["refreshToken"])


async def _refused(person: Person) -> bool:
    return (await person.post("{ me { id } }")).status_code == 401

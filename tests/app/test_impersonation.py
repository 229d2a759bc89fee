"""ORG-6, AUD-1: staff act as a person for a while, within limits, and in the sight of everybody whom it concerns."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from websockets.exceptions import ConnectionClosed

from app.core.clock import now
from tests import documents
from tests.world import Data, Person, Processes, World, until

FORBIDDEN = 4403
REASON = "Their logo does not show."
REFUSED: dict[str, Data] = {
    "changePassword": {"input": {"currentPassword": "x", "password": "another horse battery"}},
    "beginTotp": {},
    "beginPasskey": {},
    "beginStepUp": {},
    "sessions": {},
    "waysToSignIn": {},
    "revokeOtherSessions": {},
    "exportMyData": {},
    "acceptLegalText": {"input": {"textId": f"LegalText_{0:024}"}},
    "cancelErasure": {},
    "requestErasure": {"input": {"email": "x@example.com"}},
    "apiKeys": {},
    "auditEntries": {},
    "setNetworkRules": {"input": {}},
    "deleteOrganization": {"input": {"slug": "x"}},
    "leaveOrganization": {},
    "acceptOwnership": {"input": {"offerId": f"OwnershipOffer_{0:024}"}},
    "conversations": {},
    "notifications": {},
}


async def support(world: World, processes: Processes, role: str = "support") -> Person:
    person = await world.person("Sally")
    processes.run("staff", "grant", person.email, "--role", role)

    async def known() -> bool:
        return bool((await person.call("me"))["staff"])

    await until(known)
    return person


@pytest.fixture(scope="module")
async def sally(world: World, processes: Processes) -> Person:
    return await support(world, processes)


async def begin(staff: Person, person: Person, reason: str = REASON) -> Data:
    given = {"userId": person.id, "organizationId": person.organization, "reason": reason}
    return dict(await staff.call("impersonate", input=given))


def acting(begun: Data, staff: Person, world: World | None = None) -> Person:
    """Who carries the token."""
    return Person(world or staff.world, "Behind", "", token=begun["accessToken"], address=staff.address)


async def test_staff_act_as_a_person_with_a_token_that_says_so_and_ends(sally: Person, company: list[Person]) -> None:
    ada = company[1]
    begun = await begin(sally, ada)
    claims = jwt.decode(begun["accessToken"], options={"verify_signature": False})
    assert (claims["sub"], claims["act"]) == (ada.id.partition("_")[2], {"sub": sally.id.partition("_")[2]})
    assert claims["exp"] - claims["iat"] == 1_800
    assert datetime.fromisoformat(begun["expiresAt"]) == datetime.fromtimestamp(claims["exp"], UTC)
    assert "refreshToken" not in begun
    behind = acting(begun, sally)
    me = await behind.call("me")
    assert (me["id"], me["staff"]) == (ada.id, False)
    assert (await behind.call("myMembership"))["role"] == "MEMBER"
    assert await behind.refused("updateOrganization", input={"name": "Mine"}) == "FORBIDDEN", "no more than the person"
    assert await behind.refused("queues") == "FORBIDDEN", "none of the duties of staff either"


async def test_the_person_sees_who_does_and_why(sally: Person, company: list[Person]) -> None:
    ada = company[1]
    begun = await begin(sally, ada)
    listed = {one["id"]: one for one in (await ada.call("sessions", first=100, depth=3))["nodes"]}
    there = listed.pop(begun["sessionId"])
    assert (there["impersonator"], there["reason"]) == (sally.name, REASON)
    assert not there["address"], "where staff sit is not the person's business"
    assert [(one["impersonator"], one["reason"]) for one in listed.values() if one["current"]] == [(None, None)]

    async def told() -> list[Data]:
        found = (await ada.call("notifications", first=100))["nodes"]
        return [one for one in found if one["kind"] == "IMPERSONATION"]

    text = (await until(told))[0]["text"]
    assert text.startswith("Sally of the platform's staff acts as you until ")
    assert text.endswith(REASON)


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_for_the_person_themself_is_refused(sally: Person, company: list[Person], name: str) -> None:
    """As an owner, who may all of it; that everything else that does not say so is too, test_permissions asks."""
    behind = acting(await begin(sally, company[0]), sally)
    given: dict[str, Any] = REFUSED[name]
    assert await behind.refused(name, **given) == "NOT_ON_BEHALF"


async def test_things_are_not_found_by_their_ids_either(sally: Person, company: list[Person]) -> None:
    owner = company[0]
    behind = acting(await begin(sally, owner), sally)
    session = (await owner.call("sessions", first=1, depth=3))["nodes"][0]["id"]
    assert await behind.refused("node", id=session) == "NOT_ON_BEHALF"
    assert (await behind.ask("query($id: ID!) { node(id: $id) { id } }", id=owner.id)) == {"node": {"id": owner.id}}


async def test_nobody_acts_as_staff_or_as_somebody_from_elsewhere(
    sally: Person, company: list[Person], processes: Processes, world: World
) -> None:
    owner, ada, _ = company
    stranger = await world.person("Stranger")
    stranger.organization = owner.organization
    assert (await begin(sally, stranger))["code"] == "NOT_FOUND"
    assert (await begin(sally, ada, ""))["__typename"] == "InvalidError", "without a reason"
    processes.run("staff", "grant", ada.email, "--role", "finance")
    assert (await begin(sally, ada))["code"] == "STAFF_NOT_IMPERSONATED"
    processes.run("staff", "revoke", ada.email)
    given = {"userId": ada.id, "organizationId": ada.organization, "reason": REASON}
    assert await owner.refused("impersonate", input=given) == "FORBIDDEN"
    assert await (await support(world, processes, "security")).refused("impersonate", input=given) == "FORBIDDEN"
    assert await acting(await begin(sally, owner), sally).refused("impersonate", input=given) == "FORBIDDEN"


async def test_it_needs_a_fresh_proof_of_who_one_is(
    world: World, company: list[Person], processes: Processes, store: AsyncDatabase[Data]
) -> None:
    staff = await support(world, processes)
    old = {"$set": {"proof.at": now() - timedelta(days=2)}}
    await store["sessions"].update_one({"_id": ObjectId(staff.refresh_token.partition(".")[0])}, old)
    staff.token = (await staff.call("refreshSession", input={"refreshToken": staff.refresh_token}))["accessToken"]
    given = {"userId": company[1].id, "organizationId": company[1].organization, "reason": REASON}
    assert await staff.refused("impersonate", input=given) == "STEP_UP_REQUIRED"


async def test_a_rehearsed_one_opens_nothing(sally: Person, company: list[Person]) -> None:
    ada = company[1]
    given = {"userId": ada.id, "organizationId": ada.organization, "reason": REASON}
    text, variables = documents.operation("impersonate", {"input": given}, directive="@dryRun")
    begun = (await sally.ask(text, **variables))["a0"]
    assert (await acting(begun, sally).post("{ me { id } }")).status_code == 401


async def _by_the_person(staff: Person, person: Person, begun: Data, processes: Processes) -> None:
    assert (await person.call("endImpersonation", input={"sessionId": begun["sessionId"]}))["id"] == begun["sessionId"]


async def _by_the_list(staff: Person, person: Person, begun: Data, processes: Processes) -> None:
    assert (await person.call("revokeSession", input={"sessionId": begun["sessionId"]}))["id"] == begun["sessionId"]


async def _by_staff(staff: Person, person: Person, begun: Data, processes: Processes) -> None:
    assert (await staff.call("endImpersonation", input={"sessionId": begun["sessionId"]}))["id"] == begun["sessionId"]


async def _by_its_token(staff: Person, person: Person, begun: Data, processes: Processes) -> None:
    assert (await acting(begun, staff).call("signOut"))["ended"]


async def _by_signing_out(staff: Person, person: Person, begun: Data, processes: Processes) -> None:
    assert (await staff.call("signOut"))["ended"]


async def _by_losing_the_duty(staff: Person, person: Person, begun: Data, processes: Processes) -> None:
    processes.run("staff", "revoke", staff.email)


async def _by_joining_the_staff(staff: Person, person: Person, begun: Data, processes: Processes) -> None:
    processes.run("staff", "grant", person.email)


@pytest.mark.parametrize(
    "end",
    [
        _by_the_person,
        _by_the_list,
        _by_staff,
        _by_its_token,
        _by_signing_out,
        _by_losing_the_duty,
        _by_joining_the_staff,
    ],
)
async def test_it_ends_at_once_in_every_process(
    world: World,
    twin: World,
    processes: Processes,
    company: list[Person],
    end: Callable[[Person, Person, Data, Processes], Awaitable[None]],
) -> None:
    staff, ada = await support(world, processes), company[1]
    begun = await begin(staff, ada)
    elsewhere = acting(begun, staff, twin)
    assert (await elsewhere.call("me"))["id"] == ada.id
    try:
        async with elsewhere.live() as there:
            await end(staff, ada, begun, processes)
            with pytest.raises(ConnectionClosed) as closed:
                await there.receive(5)
            assert closed.value.rcvd and closed.value.rcvd.code == FORBIDDEN
        assert (await elsewhere.post("{ me { id } }")).status_code == 401
    finally:
        processes.run("staff", "revoke", ada.email)


async def test_it_is_ended_by_the_two_only_and_once(sally: Person, company: list[Person]) -> None:
    owner, ada, _ = company
    given = {"sessionId": (await begin(sally, ada))["sessionId"]}
    assert (await owner.call("endImpersonation", input=given))["code"] == "NOT_FOUND"
    assert (await sally.call("endImpersonation", input=given))["__typename"] == "Session"
    assert (await ada.call("endImpersonation", input=given))["code"] == "NOT_FOUND"
    own = next(one["id"] for one in (await ada.call("sessions", depth=3))["nodes"] if one["current"])
    assert (await ada.call("endImpersonation", input={"sessionId": own}))["code"] == "NOT_FOUND", "not of one's own"


async def test_the_trail_and_the_log_say_on_whose_behalf(
    sally: Person, company: list[Person], store: AsyncDatabase[Data]
) -> None:
    owner = company[0]
    begun = await begin(sally, owner)
    behind = acting(begun, sally)
    assert (await behind.call("updateOrganization", input={"name": "Mended"}))["name"] == "Mended"
    await behind.ask("{ me { email } }")
    by_staff = f"u:{sally.id.partition('_')[2]}"

    async def audited() -> dict[str, Data]:
        found = (await owner.call("auditEntries", first=20))["nodes"]
        named = {one["action"]: one for one in reversed(found) if by_staff in (one["behind"], one["actor"])}
        return named if {"impersonation.began", "organization.changed", "data.disclosed"} <= named.keys() else {}

    entries = await until(audited)
    began, changed = entries["impersonation.began"], entries["organization.changed"]
    assert (began["actor"], began["behind"]) == (by_staff, None)
    assert [(one["field"], one["after"]) for one in began["changes"]] == [("reason", REASON)]
    assert (changed["user"]["id"], changed["behind"]) == (owner.id, by_staff)
    assert changed["place"]["address"] == sally.address
    assert entries["data.disclosed"]["behind"] == by_staff, "what they were shown of the person"
    logged = await store["log"].find_one({"e": ObjectId(changed["id"].partition("_")[2])})
    assert logged
    assert logged["c"]["b"] == ObjectId(sally.id.partition("_")[2])
    await owner.call("updateOrganization", input={"name": "My own"})

    async def own() -> bool:
        newest = (await owner.call("auditEntries", first=5, filter={"action": {"eq": "organization.changed"}}))["nodes"]
        return newest[0]["id"] != changed["id"] and newest[0]["behind"] is None

    await until(own)
    staff = owner.world.staff
    assert staff
    await staff.call("runSchedule", input={"name": "sign_audit_heads"})
    proof = await until(lambda: owner.call("auditProof", entryId=changed["id"]))
    assert json.loads(proof["content"])["behind_id"] == sally.id.partition("_")[2], "it is part of what is proved"

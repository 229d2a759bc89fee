"""An organization is deleted whole, after its time to think, and no other with it."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import bson
import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from websockets.exceptions import ConnectionClosed

from app.core import clock, keyring
from app.models import TENANT_COLLECTIONS
from tests.app.scenes import CALLS, Scene, scene
from tests.world import Person, invitation_token, organization, until

FORBIDDEN = 4403
NOTHING: dict[str, int] = dict.fromkeys(sorted(TENANT_COLLECTIONS), 0)

LASTING = (
    "renewCalendarFeed",
    "updateNotificationDefaults",
    "updatePayRules",
    "choosePayout",
    "issueInvoice",
)
"""What leaves something in a collection of which a scene has nothing."""

Store = AsyncDatabase[dict[str, Any]]


async def test_an_organization_goes_whole_and_no_other_with_it(
    people: list[Person], strangers: list[Person], store: Store
) -> None:
    other = await scene([replace(person) for person in strangers])
    made = await scene(people)
    for name in LASTING:
        answer = await made.owner.call(name, **CALLS[name](made))
        assert "code" not in answer, answer
    id, second = _id(made.organization), await _working(people[1], made)
    digest = await _at_rest(store, other)
    assert [name for name, rows in (await _rows(store, id)).items() if not rows] == [], "the scene has something of all"
    free = await made.owner.call("organization")

    asked = await made.owner.call("deleteOrganization", input={"slug": made.slug, "reason": "We are done."})
    assert asked["deletion"]["reason"] == "We are done."
    assert (await second.call("organization"))["deletion"]["dueAt"] == asked["deletion"]["dueAt"]
    assert (await second.call("conversation", id=made.group))["title"], "until then nothing changes"
    async with second.live() as socket:
        await second.call("organization")
        await _let_time_pass(store, id, "grace")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive()
        assert closed.value.rcvd
        assert closed.value.rcvd.code == FORBIDDEN
    for person in (second, made.owner):
        await until(lambda person=person: _refused(person))
        again = await person.again()
        assert again.organization != made.organization, "who signs in works elsewhere"
        assert made.organization not in [one["id"] for one in await again.call("myOrganizations")]
        refused = await again.call("switchOrganization", input={"organizationId": made.organization})
        assert refused["code"] == "NOT_FOUND"

    await _let_time_pass(store, id, "erase")
    await _let_time_pass(store, id, "bury")
    await until(lambda: _ended(store, id))
    assert await _rows(store, id) == NOTHING
    assert await store["users"].count_documents({"organization_ids": id}) == 0
    assert await store["users"].count_documents({"last_organization_id": id}) == 0
    stone = await store["organizations"].find_one({"_id": id})
    assert stone
    assert (stone["state"], stone["deletion"], stone["name"]) == ("deleted", None, "Deleted organization")
    key = await store["data_keys"].find_one({"_id": keyring.organization(id)})
    assert key
    assert set(key) == {"_id", "created_at", "destroyed_at"}, "what was sealed for it is unreadable in the log as well"
    told = store["log"].find({"o": id}).sort("_id", -1)
    assert "OrganizationDeleted.1" in [row["t"] async for row in told], "the log keeps what happened"
    newcomer = replace(people[3])
    taken = await newcomer.call("createOrganization", input={"name": "Next", "slug": free["slug"]})
    assert taken["slug"] == free["slug"], "the slug is free again"
    assert await _digest(store, _id(other.organization)) == digest


async def test_a_request_can_be_taken_back(company: list[Person], store: Store) -> None:
    owner, ada, _ = company
    slug = (await owner.call("organization"))["slug"]
    before = await _rows(store, _id(owner.organization))
    for _ in range(2):
        assert (await owner.call("deleteOrganization", input={"slug": slug}))["deletion"]
        refused = await owner.call("deleteOrganization", input={"slug": slug})
        assert (refused["__typename"], refused["code"]) == ("ConflictError", "DELETION_REQUESTED")
        assert (await owner.call("cancelOrganizationDeletion"))["deletion"] is None
        assert (await owner.call("cancelOrganizationDeletion"))["deletion"] is None
        assert (await ada.call("organization"))["deletion"] is None
        await until(lambda: _ended(store, _id(owner.organization), "cancelled"))
    old = {"organization_id": _id(owner.organization), "type": "take_saga_step.1", "state": "waiting"}
    assert (await store["jobs"].update_many(old, {"$set": {"due": clock.now()}})).modified_count == 2
    await until(lambda: _none(store, old))
    assert (await ada.call("myMembership"))["state"] == "ACTIVE"
    told = {"deliveries": 0, "notifications": 0}  # what was written to the owners meanwhile
    assert {**await _rows(store, _id(owner.organization)), **told} == {**before, **told}


async def test_what_is_left_of_one_request_takes_back_no_other(company: list[Person], store: Store) -> None:
    owner, sagas = company[0], store["sagas"]
    given = {"slug": (await owner.call("organization"))["slug"]}
    await owner.call("deleteOrganization", input=given)
    await owner.call("cancelOrganizationDeletion")
    again = await owner.call("deleteOrganization", input=given)
    await until(lambda: sagas.find_one({"organization_id": _id(owner.organization), "state": "cancelled"}))
    assert (await owner.call("organization"))["deletion"] == again["deletion"] is not None
    await owner.call("cancelOrganizationDeletion")


async def test_who_deletes_says_which(company: list[Person]) -> None:
    owner = company[0]
    for slug in ("", "other", "x" * 41):
        refused = await owner.call("deleteOrganization", input={"slug": slug})
        assert (refused["__typename"], refused["path"]) == ("InvalidError", ["input", "slug"])
    assert (await owner.call("organization"))["deletion"] is None


async def test_only_owners_delete(company: list[Person]) -> None:
    owner, ada, _ = company
    await owner.call("changeMemberRole", input={"userId": ada.id, "role": "ADMIN"})
    await until(lambda: _may_invite(ada))
    assert await ada.refused("deleteOrganization", input={"slug": "any"}) == "FORBIDDEN"
    assert await ada.refused("cancelOrganizationDeletion") == "FORBIDDEN"


async def test_staff_stop_a_deletion_whose_doors_are_closed(company: list[Person], store: Store) -> None:
    owner, ada, grace = company
    staff, id = owner.world.staff, _id(owner.organization)
    assert staff
    await owner.call("suspendMember", input={"userId": grace.id})
    slug = (await owner.call("organization"))["slug"]
    made = await owner.call("createApiKey", input={"name": "Till", "scopes": ["members.read"]})
    key = Person(owner.world, "Till", "", token=made["secret"])
    assert not await _refused(key)
    await owner.call("deleteOrganization", input={"slug": slug})
    await _let_time_pass(store, id, "grace")
    await until(lambda: _refused(ada))
    await until(lambda: _refused(key))
    await _let_time_pass(store, id, "erase", clock.now() + timedelta(days=1))
    saga = await store["sagas"].find_one({"organization_id": id})
    assert saga
    refused = await staff.call("resumeSaga", input={"sagaId": f"Saga_{saga['_id']}"})
    assert refused["code"] == "NOT_STUCK"
    given = {"sagaId": f"Saga_{saga['_id']}", "reason": "They called."}
    assert (await staff.call("cancelSaga", input=given))["state"] == "COMPENSATING"
    await until(lambda: _ended(store, id, "cancelled"))
    seen = await staff.call("saga", id=given["sagaId"])
    assert [step["step"] for step in seen["history"]] == ["grace", "close", "close", "grace"]
    assert (await staff.call("cancelSaga", input=given))["code"] == "PAST_RETURN"
    for person in (owner, ada):
        await person.sign_in()
        await person.enter(f"Organization_{id}")
        assert (await person.call("organization"))["deletion"] is None
    places = (await owner.call("members"))["nodes"]
    assert {place["user"]["id"] for place in places if place["state"] == "SUSPENDED"} == {grace.id}
    assert not await _refused(key)


async def test_nobody_joins_what_closes(people: list[Person], store: Store) -> None:
    """An invitation that was sent before opens nothing."""
    owner, guest = replace(people[0]), replace(people[3])
    id = await organization(owner)
    invitation = await owner.call("inviteMember", input={"email": guest.email})
    slug = (await owner.call("organization"))["slug"]
    await owner.call("deleteOrganization", input={"slug": slug})
    await _let_time_pass(store, _id(id), "grace")
    await until(lambda: _refused(owner))
    refused = await guest.call("acceptInvitation", input={"token": invitation_token(invitation["id"])})
    assert refused["code"] == "NOT_FOUND"
    await _let_time_pass(store, _id(id), "erase")
    await _let_time_pass(store, _id(id), "bury")
    await until(lambda: _ended(store, _id(id)))
    assert await _rows(store, _id(id)) == NOTHING


def _id(id: str) -> ObjectId:
    return ObjectId(id.partition("_")[2])


async def _working(person: Person, made: Scene) -> Person:
    """Somebody at work in the scene's organization."""
    working = await person.again()
    await working.enter(made.organization)
    return working


async def _may_invite(person: Person) -> bool:
    return "errors" not in await person.answer("{ invitations { nodes { id } } }")


async def _refused(person: Person) -> bool:
    """Whether the token that a person had before opens nothing any more."""
    answer = await person.answer("{ organization { id } }")
    return bool("errors" in answer and answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED")


async def _let_time_pass(store: Store, id: ObjectId, step: str, due: datetime | None = None) -> None:
    """Let what the deletion waits for in this step come now, or at another moment."""

    async def waiting() -> dict[str, Any] | None:
        saga = await store["sagas"].find_one({"organization_id": id, "step": step, "state": "running"})
        where = {"event.d.saga": saga["_id"], "event.d.turn": saga["turn"]} if saga else {"_id": None}
        return await store["jobs"].find_one({**where, "state": "waiting"})

    job = await until(waiting)
    await store["jobs"].update_one({"_id": job["_id"]}, {"$set": {"due": due or clock.now()}})


async def _none(store: Store, where: dict[str, Any]) -> bool:
    return not await store["jobs"].find_one(where)


async def _ended(store: Store, id: ObjectId, state: str = "done") -> bool:
    """Whether the newest deletion of an organization has come to this end."""
    saga = await store["sagas"].find_one({"organization_id": id}, sort=[("_id", -1)])
    return bool(saga and saga["state"] == state)


async def _rows(store: Store, id: ObjectId) -> dict[str, int]:
    """How many rows of each kind an organization has."""
    return {name: await store[name].count_documents({"organization_id": id}) for name in NOTHING}


async def _at_rest(store: Store, made: Scene) -> str:
    """The digest of an organization once what follows from the making of the scene has happened."""
    seen: list[str] = []

    async def the_same() -> bool:
        seen.append(await _digest(store, _id(made.organization)))
        return len(seen) > 20 and len(set(seen[-20:])) == 1

    await until(the_same, 30)
    return seen[-1]


async def _digest(store: Store, id: ObjectId) -> str:
    """Of every row of an organization, byte for byte."""
    digest = hashlib.sha256()
    for name in NOTHING:
        async for row in store[name].find({"organization_id": id}).sort("_id", 1):
            digest.update(bson.encode(row))
    digest.update(bson.encode(await store["organizations"].find_one({"_id": id}) or {}))
    return digest.hexdigest()
